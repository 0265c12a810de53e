import './scalars.ts';
import './errors.ts';
import '../sandboxes/schema.ts';
import '../sandboxes/queries-schema.ts';
import '../sandboxes/mutations-schema.ts';
import '../sandboxes/events-schema.ts';
import '../processes/schema.ts';
import '../processes/mutations-schema.ts';
import '../terminals/schema.ts';
import '../files/schema.ts';
import '../files/mutations-schema.ts';
import '../sandboxes/ports-schema.ts';
import { builder } from './builder.ts';

export const schema = builder.toSchema({ sortSchema: true });
