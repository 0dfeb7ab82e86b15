import type { ConsolePage } from '../../helpers/consolePage';
import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function clientsTests(world: ConsoleWorld): void {
  describe('Clients', () => {
    const field = ({ page }: ConsolePage, name: string) => page.getByLabel(name, { exact: true });

    async function create(opened: ConsolePage, name: string): Promise<string> {
      await opened.button('New client').click();
      await field(opened, 'Name').fill(name);
      await field(opened, 'Scopes').fill('read:users write:users');
      await field(opened, 'Trusted metadata').fill('{ "tenant": "acme" }');
      await opened.button('Create the client').click();
      await opened.page.getByRole('region', { name: 'The secret', exact: true }).waitFor();
      return opened.copy('Copy the secret');
    }

    /** The id of the client that is shown. */
    const shownId = (opened: ConsolePage) => opened.copy('Copy the id');

    const search = async (opened: ConsolePage, text: string) => {
      await field(opened, 'Search').fill(text);
      await opened.sees(/^1 of \d+ clients$/);
    };

    test('When a client is created, then its secret works and is shown once', async () => {
      const opened = await world.open({ tab: 'Clients' });

      const secret = await create(opened, 'reports');

      const id = await shownId(opened);
      expect(await world.admin.acceptsSecret(secret, id)).toBe(true);
      await opened.button('Hide it').click();
      expect(await opened.page.locator('body').innerText()).not.toContain(secret);
      await opened.button('Close').click();
      await search(opened, 'reports');
      await opened.page.getByRole('option').click();
      expect(await opened.page.locator('body').innerText()).not.toContain(secret);
    });

    test('When a field is wrong, then the error is at the field', async () => {
      const opened = await world.open({ tab: 'Clients', expected: /status of 400/ });
      await opened.button('New client').click();

      await field(opened, 'Trusted metadata').fill('{ "tenant": ');
      await opened.button('Create the client').click();
      await opened.page.locator('textarea[aria-invalid=true]').waitFor();
      await field(opened, 'Trusted metadata').fill('');
      await field(opened, 'Scopes').fill('read:"users"');
      await opened.button('Create the client').click();

      await opened.page.locator('input[aria-invalid=true]').waitFor();
    });

    test('When it is renamed, deactivated and activated, then each change is made', async () => {
      const opened = await world.open({ tab: 'Clients' });
      const secret = await create(opened, 'before');
      const id = await shownId(opened);

      await field(opened, 'Name').fill('after');
      await opened.button('Save').click();
      await opened.page.getByRole('heading', { name: 'after' }).waitFor();
      await opened.button('Deactivate').click();
      await opened.button('Activate').waitFor();
      expect(await world.admin.acceptsSecret(secret, id)).toBe(false);
      await opened.button('Activate').click();
      await opened.button('Deactivate').waitFor();

      expect(await world.admin.acceptsSecret(secret, id)).toBe(true);
    });

    test('When its secret is rotated, then both secrets work until it is completed', async () => {
      const opened = await world.open({ tab: 'Clients' });
      const old = await create(opened, 'rotated');
      const id = await shownId(opened);
      const accepted = (...secrets: string[]) =>
        Promise.all(secrets.map((secret) => world.admin.acceptsSecret(secret, id)));

      await opened.button('Start').click();
      const next = await opened.copy('Copy the new secret');
      await opened.sees(`…${old.slice(-4)}`);
      await opened.sees(`…${next.slice(-4)}`);
      expect(await accepted(old, next)).toEqual([true, true]);
      await opened.button('Cancel').click();
      await opened.button('Start').waitFor();
      expect(await accepted(old, next)).toEqual([true, false]);
      await opened.button('Start').click();
      const last = await opened.copy('Copy the new secret');
      await opened.button('Complete').click();
      await opened.button('Rotate again').waitFor();

      expect(await accepted(old, last)).toEqual([false, true]);
    });

    test('When it is deleted, then it asks first', async () => {
      const opened = await world.open({ tab: 'Clients' });
      const secret = await create(opened, 'short-lived');
      const id = await shownId(opened);

      await opened.button('Delete the client').click();
      await opened.button('Cancel', opened.page.getByRole('dialog')).click();
      expect(await world.admin.acceptsSecret(secret, id)).toBe(true);
      await opened.button('Delete the client').click();
      await opened.button('Delete', opened.page.getByRole('dialog')).click();

      await opened.page
        .getByRole('heading', { name: 'short-lived', exact: true })
        .waitFor({ state: 'detached' });
      expect(await world.admin.acceptsSecret(secret, id)).toBe(false);
    });
  });
}
