import { testProvider } from '../conformance/provider/suite.ts';
import { dockerSubject } from './open-docker.ts';

testProvider(dockerSubject);
