import { checkBalance, until } from '../../helpers/calls';
import type { ConsolePage } from '../../helpers/consolePage';
import type { ConsoleWorld } from '../../helpers/consoleWorld';

export function tokensTests(world: ConsoleWorld): void {
  describe('Tokens', () => {
    const field = ({ page }: ConsolePage, name: string) => page.getByLabel(name, { exact: true });

    /** The outcomes of the checks that are shown, by their names. */
    async function checks({ page }: ConsolePage): Promise<Record<string, string>> {
      const rows = page.getByRole('list', { name: 'Checks' }).getByRole('listitem');
      await rows.first().waitFor();
      const texts = await rows.allInnerTexts();
      return Object.fromEntries(
        texts.map((text) => {
          const [, name = '', outcome = ''] = /(\w+) (passed|failed|not checked)/.exec(text) ?? [];
          return [name, outcome];
        }),
      );
    }

    async function explain(opened: ConsolePage, token: string, scopes = ''): Promise<void> {
      await opened.button('Explain a token').click();
      await field(opened, 'Token').fill(token);
      await field(opened, 'Required scopes').fill(scopes);
      await opened.button('Explain').click();
    }

    test('When a token is issued, then it is listed and explained, and its signature is masked', async () => {
      const opened = await world.open({ tab: 'Tokens' });
      const token = await world.admin.mint({ claims: { scope: 'read:users seen:here' } });

      await opened.page.getByRole('option').filter({ hasText: 'seen:here' }).click();

      await opened.sees('✓ Valid');
      expect(await checks(opened)).toMatchObject({ Form: 'passed', Signature: 'passed', Times: 'passed' });
      const text = await opened.page.locator('body').innerText();
      expect(text).toContain(token.split('.')[1]);
      expect(text).not.toContain(token.split('.')[2]);
      expect(await opened.page.getByRole('progressbar').getAttribute('aria-valuetext')).toMatch(/left$/);
      const link = opened.page.getByRole('link', { name: /^RFC 7515/ }).first();
      expect(await link.getAttribute('href')).toMatch(/^https:\/\/www\.rfc-editor\.org\/rfc\/rfc7515/);
    });

    test('When a token is pasted, then it is checked, with the required scopes', async () => {
      const opened = await world.open({ tab: 'Tokens' });
      const token = await world.admin.mint();

      await explain(opened, `Bearer ${token}`, 'manage:m2m_clients');
      await opened.sees('✗ Insufficient scope');
      expect(await checks(opened)).toMatchObject({ Signature: 'passed', Scopes: 'failed' });
      await explain(opened, token, 'read:users');

      await opened.sees('✓ Valid');
      expect(await checks(opened)).toMatchObject({ Scopes: 'passed' });
    });

    test('When what is pasted is no token, then it says so', async () => {
      const opened = await world.open({ tab: 'Tokens' });

      await explain(opened, '');
      await opened.sees('Paste a token first.');
      await explain(opened, 'garbage');

      await opened.sees('✗ Not valid');
      expect(await checks(opened)).toMatchObject({ Form: 'failed', Signature: 'not checked' });
    });

    test('When a token of each preset is minted, then the explanation agrees with the wallet-server', async () => {
      const opened = await world.open({ tab: 'Tokens' });
      const presets = [
        ['Valid', undefined, 200],
        ['Expired', 'Times', 401],
        ['Wrong audience', 'Audience', 401],
        ['Other issuer', 'Issuer', 401],
        ['alg: none', 'Algorithm', 401],
        ['Unknown key', 'Key', 401],
        ['Missing scope', undefined, 403],
      ] as const;
      await opened.button('Mint a token').click();
      let before = '';
      for (const [preset, failing, status] of presets) {
        await opened.button(preset).click();
        await opened.button('Mint').click();
        const token = await until('the new token is shown', async () => {
          const copied = await opened.copy('Copy the token');
          return copied !== before && copied;
        });
        before = token;
        const failed = await until('it is explained', async () => {
          const outcomes = Object.entries(await checks(opened));
          const names = outcomes.filter(([, outcome]) => outcome === 'failed').map(([name]) => name);
          return names[0] === failing && names;
        });

        expect(failed).toEqual(failing === undefined ? [] : [failing]);
        expect([preset, (await checkBalance(world.stack.wallet, token)).status]).toEqual([preset, status]);
      }
    });

    test('When claims or header are no JSON objects, then the error is at the field', async () => {
      const opened = await world.open({ tab: 'Tokens' });
      await opened.button('Mint a token').click();

      await field(opened, 'Claims').fill('[1]');
      await field(opened, 'Header').fill('{');
      await opened.button('Mint').click();

      await until('both fields are wrong', async () => {
        return (await opened.page.locator('textarea[aria-invalid=true]').count()) === 2;
      });
      await opened.button('Close').click();
      await opened.page.getByRole('heading', { name: 'Mint a token' }).waitFor({ state: 'detached' });
    });

    test('When the key is chosen, then the token is signed with it', async () => {
      const opened = await world.open({ tab: 'Tokens' });
      await opened.button('Mint a token').click();

      await field(opened, 'Key').selectOption('An unknown key, which is in no JWKS');
      await opened.button('Mint').click();

      await opened.sees('✗ Not valid');
      expect(await checks(opened)).toMatchObject({ Key: 'failed' });
    });
  });
}
