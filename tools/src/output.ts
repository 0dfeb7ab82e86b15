import { prettyFactory } from 'pino-pretty';
import type { ProgramName } from './program';

const widest = 'payment-server'.length;
const colours: Record<ProgramName, number> = {
  'local-stytch': 35,
  'wallet-server': 36,
  'payment-server': 33,
};

/**
 * Creates a format for the lines of several programs: it puts the program's name before each line and turns a JSON
 * log line into text.
 *
 * @param colour whether to use terminal colours.
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

/** The TLS options of curl for each kind of call, with a space before them. Empty for plain HTTP. */
export interface CurlOptions {
  /** For calls to the payment-server as the operator. */
  payment: string;
  /** For calls to the wallet-server as the payment-server. */
  wallet: string;
  /** For token requests. */
  token: string;
}

const plainHttp: CurlOptions = { payment: '', wallet: '', token: '' };

/** Example calls to paste into a terminal. */
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
  # and it refuses other services with a certificate of the same CA, whatever their token
  ${payment} -i -X POST ${urls.wallet}/api/check-balance
`;
  return `
Try these in another terminal${tls === plainHttp ? '' : ', in this folder'}:

  # the article's payment
  ${payment} ${urls.payment}/initiate-payment

  # a payment of your own, and one that is too large
  ${payment} ${urls.payment}/initiate-payment -H 'Content-Type: application/json' -d '{"debitAmount": 12.5}'
  ${payment} ${urls.payment}/initiate-payment -H 'Content-Type: application/json' -d '{"debitAmount": 1000000}'

  # the wallet-server refuses a call without an access token
  curl${tls.wallet} -i -X POST ${urls.wallet}/api/check-balance
${another}
  # the operator's access token, which the admin routes accept for five minutes
  TOKEN=$(${before}curl${tls.token} -s ${token.endpoint} -d grant_type=client_credentials \\
    -d client_id=${token.clientId} -d client_secret=${token.clientSecret} \\
    | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).access_token')
  ${payment} -H "Authorization: Bearer $TOKEN" ${urls.payment}/search-m2m-client

  # rotate the secret: the running server uses the new one; a restart reads CLIENT_SECRET again
  ${payment} -H "Authorization: Bearer $TOKEN" -X POST ${urls.payment}/start-secret-rotation
  ${payment} -H "Authorization: Bearer $TOKEN" -X POST ${urls.payment}/complete-secret-rotation

Browsers refuse port 6000; curl and Postman do not. Press Ctrl-C to stop everything.
`;
}
