/** The direction of imports (docs/decisions/2026-11-21-layout.md): a file imports its own rank or lower. */
const domains = '(sandboxes|processes|terminals|files|usage|tokens|audit)';
const schemas = `^src/${domains}/[a-z-]*schema[.]ts$`;
/** From the lowest to the highest; a path belongs to the first rank that fits it. */
const ranks = [
  ['^src/lib/', '^src/errors[.]ts$'],
  [
    '^src/providers/provider[.]ts$',
    '^src/journal/(journal|cursor)[.]ts$',
    '^src/store/(store|access-store|page)[.]ts$',
    '^src/access/(principal|permissions)[.]ts$',
    '^src/limits/(metrics|plans)[.]ts$',
  ],
  ['^src/providers/[a-z0-9]+/', '^src/journal/', '^src/store/'],
  ['^src/(pool|access|limits)/', '^src/providers/registry[.]ts$'],
  [`^src/${domains}/`],
  ['^src/graphql/'],
  [schemas],
  ['^src/graphql/schema[.]ts$'],
  ['^src/server/'],
  ['^src/(app|main|config)[.]ts$', '^src/cli/'],
];
/** Paths that the wider patterns of a rank would take though a later one names them. */
const later = (rank) => ranks.slice(rank + 1).flat();
const isLaterRefinement = (rank) =>
  rank === 4 ? [schemas] : rank === 5 ? ['^src/graphql/schema[.]ts$'] : [];
const upward = ranks.slice(0, -1).map((patterns, rank) => ({
  name: `rank-${rank}-imports-no-higher`,
  severity: 'error',
  from: { path: patterns, pathNot: [...ranks.slice(0, rank).flat(), ...isLaterRefinement(rank)] },
  to: {
    path: later(rank),
    pathNot: ranks
      .slice(0, rank + 1)
      .flat()
      .filter((pattern) => !(rank === 4 && pattern === ranks[4][0])),
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
        pathNot: [
          '^src/providers/$1/',
          '^src/providers/provider[.]ts$',
          '^src/errors[.]ts$',
          '^src/lib/',
        ],
      },
    },
    {
      name: 'islands-only-through-the-registry',
      severity: 'error',
      from: {
        path: '^src',
        pathNot: ['^src/providers/registry[.]ts$', '^src/providers/[^/]+/', '^src/(app|cli)'],
      },
      to: { path: '^src/providers/[^/]+/' },
    },
    {
      name: 'service-knows-no-graphql',
      severity: 'error',
      from: {
        path: `^src/(${domains}|pool|access|limits|journal|store|providers)/`,
        pathNot: 'schema[.]ts$',
      },
      to: { path: ['^src/graphql/', 'node_modules/(graphql|@pothos)/'] },
    },
    {
      name: 'resolver-uses-services',
      severity: 'error',
      from: { path: 'schema[.]ts$' },
      to: {
        path: [
          '^src/pool/',
          '^src/store/(?!(store|access-store|page)[.]ts)',
          '^src/journal/(?!journal[.]ts)',
        ],
      },
    },
    ...upward,
    fence('access', '^src/access/', ['jsonwebtoken', 'jwks-rsa']),
    fence('limits', '^src/limits/|^src/server/door[.]ts$', ['rate-limiter-flexible', 'ioredis']),
    fence('store', '^src/store/', ['kysely', 'pg']),
    fence('server', '^src/(server|graphql)/', ['graphql-yoga', 'graphql-ws', 'ws']),
    fence('graphql', '^src/(graphql|server)/|schema[.]ts$', ['@pothos', 'graphql']),
    fence('local', '^src/providers/local/', ['@lydell']),
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
