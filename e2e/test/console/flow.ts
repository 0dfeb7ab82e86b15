import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function flowTests(world: ConsoleWorld): void {
  describe('flow', () => {});
}
