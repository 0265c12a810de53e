/** The field every server of the query benchmark answers; the baselines check no token. */
export const typeDefs = /* GraphQL */ `
  type Viewer { subject: String! tenant: String! role: String! }
  type Query { viewer: Viewer! }
`;
export const resolvers = {
  Query: { viewer: () => ({ subject: 'dev', tenant: 'dev', role: 'ADMIN' }) },
};
