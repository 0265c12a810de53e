import { testProvider } from '../conformance/provider/suite.ts';
import { startPoor } from './poor/start.ts';

testProvider({ name: 'poor', start: startPoor });
