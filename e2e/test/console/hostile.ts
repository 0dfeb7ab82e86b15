import { request } from 'node:http';
import { call, until } from '../../helpers/calls';
import type { ConsolePage } from '../../helpers/consolePage';
import type { ConsoleWorld } from '../../helpers/consoleWorld';

const script = '<script>window.hacked=1</script>';
const image = '<img/src=x/onerror=window.hacked=1>';
const quotes = `"'\`}]><svg/onload=window.hacked=1>`;
const rightToLeft = '\u202Egnitaroced\u2066<b>';
const long = 'x'.repeat(10_000);
const texts = [script, image, quotes, rightToLeft];
const traceId = 'deadbeef'.repeat(4);

/** Whether a text was taken as markup. */
const markup = `(() => {
  const foreign = document.querySelectorAll('img, iframe, svg[onload], b, script:not([src="/console/app.js"])');
  return { hacked: window.hacked ?? null, foreign: Array.from(foreign, (element) => element.outerHTML) };
})()`;

/** Text that others choose is never markup. */
export function hostileTests(world: ConsoleWorld): void {
  describe('Hostile texts', () => {
    const expectText = async (opened: ConsolePage) => {
      expect(await opened.page.evaluate(markup)).toEqual({ hacked: null, foreign: [] });
    };

    test('When they are in the name and metadata of a client, then they are shown as text', async () => {
      const opened = await world.open({ tab: 'Clients' });
      for (const text of texts) {
        const body = {
          client_name: text,
          scopes: [],
          trusted_metadata: { [text]: [text, long.slice(0, 3_000)] },
        };
        const { status } = await call(`${world.url}/local/clients`, { method: 'POST', body });
        expect(status).toBe(200);
      }

      for (const text of texts) {
        await opened.page.getByText(text, { exact: false }).first().click();
        await expectText(opened);
      }
    });

    test('When they are in the path and headers of a request, then they are shown as text', async () => {
      const opened = await world.open({ tab: 'Requests' });
      for (const text of [script, image, quotes]) await send(world.url, `/${text}`, text);
      await send(world.url, `/${long}`, script);
      await send(world.url, '/long-header', long);

      for (const text of [script, image, quotes, long.slice(0, 100), 'long-header']) {
        await opened.page.getByText(`/${text}`).first().click();
        await expectText(opened);
      }
    });

    test('When they are in spans, then they are shown as text', async () => {
      const opened = await world.open();
      const { status } = await call(`${world.url}/local/v1/traces`, { method: 'POST', body: spans() });
      expect(status).toBe(200);

      await opened.sees(script);
      await opened.page.getByText(script).first().click();
      await until('the diagram is drawn', async () => (await opened.page.getByRole('img').count()) > 0);
      await expectText(opened);
    });

    test('When they are in a token that is pasted, then they are shown as text', async () => {
      const opened = await world.open({ tab: 'Tokens' });
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const token = `${part({ alg: image, kid: script })}.${part({ sub: image, [script]: quotes })}.c2ln`;

      await opened.button('Explain a token').click();
      await opened.page.getByLabel('Token', { exact: true }).fill(token);
      await opened.button('Explain').click();

      await opened.sees(image);
      await expectText(opened);
    });
  });
}

/** Sends a path and a header that no browser would. */
function send(url: string, path: string, header: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const headers = { 'X-Hostile': header };
    const sent = request({ hostname, port, path, headers, agent: false }, (response) => {
      response.resume().once('end', resolve);
    });
    sent.once('error', reject).end();
  });
}

function spans(): unknown {
  const now = BigInt(Date.now()) * 1_000_000n;
  const value = (stringValue: string) => ({ stringValue });
  return {
    resourceSpans: texts.map((text, index) => ({
      resource: {
        attributes: [{ key: 'service.name', value: value(index === 0 ? script : `${text}${long}`) }],
      },
      scopeSpans: [
        {
          spans: [2, 3].map((kind) => ({
            traceId,
            spanId: `${index}${kind}`.repeat(8),
            parentSpanId:
              index === 0 && kind === 2
                ? ''
                : `${kind === 3 ? index : index - 1}${kind === 3 ? 2 : 3}`.repeat(8),
            name: text,
            kind,
            startTimeUnixNano: String(now + BigInt(index * 1_000_000)),
            endTimeUnixNano: String(now + 50_000_000n),
            attributes: [
              { key: text, value: value(text) },
              { key: 'access_token.source', value: value(text) },
              { key: 'authorization.outcome', value: value(text) },
            ],
            status: { code: 2, message: text },
          })),
        },
      ],
    })),
  };
}
