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

/** The options of curl for calls over TLS, with a space before them. Empty for plain HTTP. */
export interface CurlOptions {
  /** For calls to the payment-server as the operator. */
  payment: string;
  /** For token requests. */
  token: string;
}

/** Calls to paste into a terminal: a payment, and the operator's access token for the calls of the README. */
export function formatUsage(
  paymentUrl: string,
  token: { endpoint: string; clientId: string; clientSecret: string; before?: string },
  tls: CurlOptions = { payment: '', token: '' },
): string {
  return `
In another terminal, in this folder:

  # make a payment
  curl${tls.payment} ${paymentUrl}/initiate-payment

  # get the operator's access token, for the admin routes in README.md
  TOKEN=$(${token.before ?? ''}curl${tls.token} -s ${token.endpoint} -d grant_type=client_credentials \\
    -d client_id=${token.clientId} -d client_secret=${token.clientSecret} \\
    | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).access_token')

Ctrl-C stops everything.
`;
}
