/** The direction of imports (docs/decisions/2026-11-25-ranks.md): a file imports its own rank or a lower one. */
const domains =
  '(sandboxes|processes|terminals|files|ports|agents|usage|audit|authentication|authorization|diagnosis|catalog)';
const schemas = `^src/${domains}/[a-z-]*schema[.]ts$`;
/** From the lowest to the highest. A file has the rank of the first pattern that fits it, in the order of `order`. */
const ranks = {
  base: ['^src/lib/', '^src/(errors|error-table)[.]ts$'],
  seams: [
    '^src/providers/types/',
    '^src/journal/(journal|cursor)[.]ts$',
    '^src/store/store[.]ts$',
    '^src/store/types/',
    '^src/authentication/(principal|algorithms)[.]ts$',
    '^src/authorization/(permissions|role)[.]ts$',
    '^src/usage/metrics[.]ts$',
    '^src/limits/plans[.]ts$',
  ],
  islands: [
    '^src/providers/[a-z0-9]+/',
    '^src/agents/runtimes/[a-z0-9-]+/',
    '^src/journal/',
    '^src/store/',
  ],
  config: ['^src/config/', '^src/config[.]ts$', '^src/providers/[a-z-]+[.]ts$'],
  core: [
    '^src/(idempotency|pool|limits)/',
    '^src/authentication/(?!service|rules|[a-z-]*schema)',
    '^src/authorization/(?!sharing|rules|[a-z-]*schema)',
    '^src/audit/(log|chain|writer)[.]ts$',
    '^src/usage/(meter|slice)[.]ts$',
  ],
  services: [`^src/${domains}/(?![a-z-]*schema[.]ts$)`],
  builder: ['^src/graphql/(?!schema[.]ts$)'],
  schemas: [schemas, '^src/compat/'],
  contract: ['^src/graphql/schema[.]ts$'],
  server: ['^src/server/'],
  app: ['^src/app[.]ts$'],
  cli: ['^src/(main[.]ts$|cli/)'],
};
const names = Object.keys(ranks);
/** A wide pattern of a higher rank would also take files that a lower rank names. */
const lower = (rank) => names.slice(0, rank).flatMap((name) => ranks[name]);
const upward = names.slice(0, -1).map((name, rank) => ({
  name: `${name}-imports-no-higher-rank`,
  severity: 'error',
  from: { path: ranks[name], pathNot: lower(rank) },
  to: {
    path: names.slice(rank + 1).flatMap((other) => ranks[other]),
    pathNot: lower(rank + 1),
  },
}));
const fence = (name, from, packages) => ({
  name: `only-${name}-uses-its-packages`,
  severity: 'error',
  from: { path: '^src', pathNot: from },
  to: { path: packages.map((one) => `node_modules/${one}/`) },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src', pathNot: '^src/main[.]ts$|^src/providers/local/agent/' },
      to: {},
    },
    {
      name: 'src-not-to-test',
      severity: 'error',
      from: { path: '^src' },
      to: { path: '^(test|bench)' },
    },
    {
      name: 'provider-is-an-island',
      severity: 'error',
      from: { path: '^src/providers/([^/]+)/' },
      to: {
        path: '^src',
        pathNot: ['^src/providers/$1/', '^src/providers/types/', '^src/errors[.]ts$', '^src/lib/'],
      },
    },
    {
      name: 'islands-only-through-the-registry',
      severity: 'error',
      from: {
        path: '^src',
        pathNot: ['^src/providers/registry[.]ts$', '^src/providers/[^/]+/'],
      },
      to: { path: '^src/providers/(?!types/|complete/)[^/]+/' },
    },
    {
      name: 'service-knows-no-graphql',
      severity: 'error',
      from: {
        path: `^src/(${domains}|pool|idempotency|limits|journal|store|providers)/`,
        pathNot: 'schema[.]ts$',
      },
      to: { path: ['^src/graphql/', 'node_modules/(graphql|@pothos)/'] },
    },
    {
      name: 'resolver-uses-services',
      severity: 'error',
      from: { path: 'schema[.]ts$' },
      to: {
        path: ['^src/pool/', '^src/store/(?!types/)', '^src/journal/(?!journal[.]ts)'],
      },
    },
    ...upward,
    fence('authentication', '^src/authentication/', ['jsonwebtoken', 'jwks-rsa']),
    fence('limits', '^src/limits/|^src/server/authenticator[.]ts$', [
      'rate-limiter-flexible',
      'ioredis',
    ]),
    fence('store', '^src/store/', ['kysely', 'pg']),
    fence('server', '^src/(server|graphql)/', ['graphql-yoga', 'graphql-ws', 'ws']),
    fence('graphql', '^src/(graphql|server)/|schema[.]ts$', ['@pothos', 'graphql']),
    fence('local', '^src/providers/local/', ['@lydell']),
    fence('complete', '^src/providers/complete/', ['cockatiel']),
    fence('docker', '^src/providers/docker/', ['dockerode', 'tar-stream']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
