import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function requestsTests(world: ConsoleWorld): void {
  describe('requests', () => {});
}
