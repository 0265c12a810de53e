import Fastify from 'fastify';
import mercurius from 'mercurius';
import { resolvers, typeDefs } from './viewer.ts';

const app = Fastify();
await app.register(mercurius, { schema: typeDefs, resolvers });
console.log(`${await app.listen({ port: 0, host: '127.0.0.1' })}/graphql`);
