import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function faultsTests(world: ConsoleWorld): void {
  describe('faults', () => {});
}
