import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function clientsTests(world: ConsoleWorld): void {
  describe('clients', () => {});
}
