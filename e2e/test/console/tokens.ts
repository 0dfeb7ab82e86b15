import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function tokensTests(world: ConsoleWorld): void {
  describe('tokens', () => {});
}
