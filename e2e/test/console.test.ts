import { browserHint, findBrowser } from '../helpers/browser';
import { ConsoleWorld } from '../helpers/consoleWorld';
import { clientsTests } from './console/clients';
import { faultsTests } from './console/faults';
import { flowTests } from './console/flow';
import { hostileTests } from './console/hostile';
import { otherServerTests } from './console/otherServers';
import { pageTests } from './console/page';
import { requestsTests } from './console/requests';
import { tokensTests } from './console/tokens';

const hasBrowser = findBrowser() !== undefined;
if (!hasBrowser && process.env.CI) throw new Error(`There is no browser. ${browserHint}`);
if (!hasBrowser) process.stderr.write(`The tests of the console are skipped: no browser. ${browserHint}\n`);

(hasBrowser ? describe : describe.skip)('The console', () => {
  const world = new ConsoleWorld();

  beforeAll(() => world.start());
  afterAll(() => world.stop());
  afterEach(async () => {
    expect(await world.leavePages()).toEqual([]);
  });

  flowTests(world);
  pageTests(world);
  requestsTests(world);
  tokensTests(world);
  clientsTests(world);
  faultsTests(world);
  hostileTests(world);
  otherServerTests(world);
});
