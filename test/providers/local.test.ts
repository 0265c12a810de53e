import { testProvider } from '../conformance/provider.ts';
import { openLocal } from './open-local.ts';

testProvider({ name: 'local', open: openLocal });
