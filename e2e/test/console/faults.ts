import { call, until } from '../../helpers/calls';
import type { ConsolePage } from '../../helpers/consolePage';
import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function faultsTests(world: ConsoleWorld): void {
  describe('Faults', () => {
    const field = ({ page }: ConsolePage, name: string) => page.getByLabel(name, { exact: true });
    const banner = ({ page }: ConsolePage) => page.getByRole('region', { name: 'Switched on' });
    const card = ({ page }: ConsolePage, name: string) => page.getByRole('region', { name });
    const list = async () => {
      const { json } = await call(`${world.url}/local/faults`);
      return (json as { faults: Record<string, unknown>[] }).faults;
    };
    const state = async () => (await call(`${world.url}/local/health`)).json as Record<string, unknown>;

    afterAll(() => world.admin.reset());

    test('When a fault is switched on, then it works, and the top of every page shows it', async () => {
      const [opened, other] = await Promise.all([world.open({ tab: 'Faults' }), world.open()]);
      await field(opened, 'What goes wrong').selectOption('Error status');
      await opened.button('JWKS').click();
      await field(opened, 'Status').fill('504');
      await field(opened, 'Number of requests').fill('2');
      await opened.button('Switch on').click();

      await Promise.all([opened, other].map((page) => banner(page).getByText(/504/).waitFor()));
      const { STYTCH_PROJECT_ID: id } = world.stack.localStytch!.seed;
      expect((await call(`${world.url}/v1/sessions/jwks/${id!}`)).status).toBe(504);
      expect(await list()).toMatchObject([{ status: 504, hits: 1, remaining: 1 }]);
      await banner(other)
        .getByText(/1 left/)
        .waitFor();
      await opened
        .button(/^Remove/, card(opened, 'Faults in effect'))
        .first()
        .click();
      await banner(other).waitFor({ state: 'detached' });
      expect(await list()).toEqual([]);
    });

    test('When each kind of fault is switched on, then each is listed until all are removed', async () => {
      const opened = await world.open({ tab: 'Faults' });
      const kinds = await field(opened, 'What goes wrong').locator('option').allInnerTexts();
      for (const [index, kind] of kinds.entries()) {
        await field(opened, 'What goes wrong').selectOption(kind);
        await field(opened, 'Path').fill(`/v1/nothing/${index}`);
        await opened.button('Switch on').click();
        await until('it is listed', async () => (await list()).length === index + 1);
      }

      expect(kinds).toHaveLength(7);
      await opened.button('Remove all').click();

      await until('none is left', async () => (await list()).length === 0);
    });

    test('When a number or a path is wrong, then the error is at the field', async () => {
      const opened = await world.open({ tab: 'Faults' });
      await field(opened, 'What goes wrong').selectOption('Delay');
      await field(opened, 'Delay in milliseconds').fill('soon');
      await field(opened, 'Path').fill('v1');
      await opened.button('Switch on').click();

      await until('both fields are wrong', async () => {
        return (await opened.page.locator('input[aria-invalid=true]').count()) === 2;
      });
      expect(await list()).toEqual([]);
    });

    test('When the clock is moved, then new tokens have its time, and the top says so', async () => {
      const opened = await world.open({ tab: 'Faults' });

      await opened.button('+1 h').click();
      await banner(opened)
        .getByText(/Clock .*ahead/)
        .waitFor();
      expect(await state()).toMatchObject({ clock_offset_seconds: 3600 });
      await field(opened, 'Offset in seconds').fill('-90');
      await opened.button('Set the clock').click();
      await banner(opened)
        .getByText(/Clock .*behind/)
        .waitFor();
      await opened.button('0').click();

      await banner(opened).waitFor({ state: 'detached' });
      expect(await state()).toMatchObject({ clock_offset_seconds: 0 });
    });

    test('When the lifetime of tokens is changed, then the top says so', async () => {
      const opened = await world.open({ tab: 'Faults' });

      await field(opened, 'Lifetime in seconds').fill('0');
      await opened.button('Set the lifetime').click();
      await opened.page.locator('input[aria-invalid=true]').waitFor();
      await field(opened, 'Lifetime in seconds').fill('30');
      await opened.button('Set the lifetime').click();

      await banner(opened)
        .getByText(/Tokens valid for/)
        .waitFor();
      expect(await state()).toMatchObject({ token_lifetime_seconds: 30 });
    });

    test('When the signing key is rotated, then the JWKS has both keys until the previous one is retired', async () => {
      const opened = await world.open({ tab: 'Faults' });
      const keys = opened.page.getByRole('list', { name: 'Keys in the JWKS' }).getByRole('listitem');
      const count = (wanted: number) =>
        until(`there are ${wanted} keys`, async () => (await keys.count()) === wanted);
      await opened.button('Retire previous').click();
      await count(1);
      const [first] = await keys.allInnerTexts();

      await opened.button('Rotate').click();
      await count(2);
      expect((await keys.allInnerTexts())[0]).not.toBe(first);
      await opened.button('Retire previous').click();
      await count(1);
      const [second] = await keys.allInnerTexts();
      await field(opened, 'Keep the previous keys in the JWKS').uncheck();
      await opened.button('Rotate').click();

      await until('another key signs', async () => {
        const texts = await keys.allInnerTexts();
        return texts.length === 1 && texts[0] !== second;
      });
    });

    test('When everything is reset, then it asks first, and what was changed is gone', async () => {
      const opened = await world.open({ tab: 'Faults' });
      await world.admin.setTokenLifetime(30);
      await banner(opened).waitFor();

      await opened.button('Reset everything', banner(opened)).click();
      await opened.button('Cancel', opened.page.getByRole('dialog')).click();
      expect(await state()).toMatchObject({ token_lifetime_seconds: 30 });
      await opened.button('Reset everything', card(opened, 'Start again')).click();
      await opened.button('Reset', opened.page.getByRole('dialog')).click();

      await banner(opened).waitFor({ state: 'detached' });
      expect(await state()).toMatchObject({ token_lifetime_seconds: 3600 });
    });
  });
}
