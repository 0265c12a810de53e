import { testProvider } from '../conformance/provider/suite.ts';
import { startLocal } from './open-local.ts';

testProvider({ name: 'local', start: startLocal });
