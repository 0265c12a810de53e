import { testProvider } from '../conformance/provider/suite.ts';
import { startDockerVendor } from './open-docker.ts';

testProvider({ name: 'docker', start: startDockerVendor });
