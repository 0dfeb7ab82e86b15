import { prettyFactory } from 'pino-pretty';
import type { ProgramName } from './program';

const widest = 'payment-server'.length;
const colours: Record<ProgramName, number> = {
  'local-stytch': 35,
  'wallet-server': 36,
  'payment-server': 33,
};

/**
 * Makes a program's lines readable among those of others: its name before each, and JSON log lines as
 * one line of text.
 *
 * @param colour whether to use the terminal's colours.
 */
export function createLineFormat(colour: boolean): (name: ProgramName, line: string) => string {
  const pretty = prettyFactory({
    colorize: colour,
    singleLine: true,
    ignore: 'pid,hostname,name',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return (name, line) => {
    const padded = name.padEnd(widest);
    const prefix = colour ? `\u001b[${colours[name]}m${padded}\u001b[0m` : padded;
    return `${prefix} | ${line.startsWith('{') ? pretty(line).trimEnd() : line}`;
  };
}

/** What curl is told of TLS: a blank and its options for each, or nothing. */
export interface CurlOptions {
  /** To call the payment-server, as the operator. */
  payment: string;
  /** To call the wallet-server, as the payment-server does. */
  wallet: string;
  /** To get an access token. */
  token: string;
}

const plainHttp: CurlOptions = { payment: '', wallet: '', token: '' };

/** The calls to try, for pasting into a terminal. */
export function formatUsage(
  urls: { wallet: string; payment: string },
  token: { endpoint: string; clientId: string; clientSecret: string; before?: string },
  tls: CurlOptions = plainHttp,
): string {
  const { before = '' } = token;
  const payment = `curl${tls.payment}`;
  const another =
    tls === plainHttp
      ? ''
      : `
  # nor does it tell another service of the same CA anything, whatever its token
  ${payment} -i -X POST ${urls.wallet}/api/check-balance
`;
  return `
Try these in another terminal${tls === plainHttp ? '' : ', in this folder'}:

  # the article's payment
  ${payment} ${urls.payment}/initiate-payment

  # a payment of your own, and one that is too large
  ${payment} ${urls.payment}/initiate-payment -H 'Content-Type: application/json' -d '{"debitAmount": 12.5}'
  ${payment} ${urls.payment}/initiate-payment -H 'Content-Type: application/json' -d '{"debitAmount": 1000000}'

  # without an access token the wallet-server tells nothing
  curl${tls.wallet} -i -X POST ${urls.wallet}/api/check-balance
${another}
  # the operator's access token, for the admin routes: they accept it for five minutes
  TOKEN=$(${before}curl${tls.token} -s ${token.endpoint} -d grant_type=client_credentials \\
    -d client_id=${token.clientId} -d client_secret=${token.clientSecret} \\
    | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).access_token')
  ${payment} -H "Authorization: Bearer $TOKEN" ${urls.payment}/search-m2m-client

  # rotate the secret: the running server takes the next one over; a restart reads CLIENT_SECRET again
  ${payment} -H "Authorization: Bearer $TOKEN" -X POST ${urls.payment}/start-secret-rotation
  ${payment} -H "Authorization: Bearer $TOKEN" -X POST ${urls.payment}/complete-secret-rotation

Browsers refuse port 6000; curl and Postman do not. Press Ctrl-C to end everything.
`;
}
