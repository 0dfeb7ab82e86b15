import type { Express, Request, Response } from 'express';
import { HttpError, jsonBody, parseInput, route } from 'service-kit';
import { AccessTokenUnavailableError, type AccessToken } from 'stytch-m2m';
import { z } from 'zod';
import { AccessTokenRejected, type CallContext, type Wallet, type WalletClient } from './walletClient';

/** The article's payment: what is paid when a request does not say otherwise. */
export const paymentInfo = {
  customerId: '67uhjio098uhgt6l',
  debitAmount: 769,
  destinationWalletId: 'yh809ikol7plo98',
};

export type Payment = typeof paymentInfo;

const text = z.string({ error: 'must be a string' }).min(1, { error: 'must not be empty' });
const amountError = { error: 'must be a positive finite number' };
const paymentRequest = z.strictObject(
  {
    customerId: text.default(paymentInfo.customerId),
    debitAmount: z.number(amountError).positive(amountError).default(paymentInfo.debitAmount),
    destinationWalletId: text.default(paymentInfo.destinationWalletId),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);

const insufficientBalance = 'Insufficient balance. Transaction failed.';

export interface PaymentDependencies {
  /** An access token for the wallet-server, kept or new. */
  getM2MAccessToken: () => Promise<AccessToken>;
  /** Throws away a token that the wallet-server did not accept. */
  dropM2MAccessToken: (accessToken: string) => void;
  wallet: Pick<WalletClient, 'checkBalance'>;
  /** How long a whole payment may take. Milliseconds, default 10,000. */
  timeoutMilliseconds?: number;
}

interface PaymentResult {
  successful: boolean;
  message: string;
}

/**
 * Makes a payment, if the customer's balance allows it: gets an access token, reads the balance with it.
 * A token that the wallet-server rejects is dropped and the balance read once more with a new one.
 *
 * @throws HttpError when the payment could neither be made nor refused.
 * @throws AccessTokenUnavailableError when Stytch gives no token.
 */
export async function initiatePayment(
  payment: Payment,
  dependencies: PaymentDependencies,
  context: CallContext,
  timing: ServerTiming,
): Promise<PaymentResult> {
  const { customerName, walletBalance } = await readBalance(payment, dependencies, context, timing);
  if (walletBalance < payment.debitAmount) return { successful: false, message: insufficientBalance };
  const { debitAmount, destinationWalletId } = payment;
  return {
    successful: true,
    message: `${customerName} your payment of ${debitAmount} to ${destinationWalletId} was successful!`,
  };
}

async function readBalance(
  payment: Payment,
  { getM2MAccessToken, dropM2MAccessToken, wallet }: PaymentDependencies,
  context: CallContext,
  timing: ServerTiming,
): Promise<Wallet> {
  for (let tries = 1; ; tries += 1) {
    const getToken = () => beforeAbort(getM2MAccessToken(), context.signal);
    const { accessToken, source } = await timing.measure('token', getToken, (token) => token.source);
    try {
      return await timing.measure('wallet', () => wallet.checkBalance(payment, accessToken, context));
    } catch (error) {
      if (!(error instanceof AccessTokenRejected)) throw error;
      dropM2MAccessToken(accessToken);
      if (tries === 2) {
        throw new HttpError(502, 'wallet_rejected_token', 'The wallet-server rejects the access token', {
          cause: new Error(`also a token that was ${source}`),
        });
      }
    }
  }
}

/** A token, but not later than this request may wait for it; others that wait for the same one go on. */
function beforeAbort(token: Promise<AccessToken>, signal: AbortSignal): Promise<AccessToken> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const giveUp = () => {
      reject(new AccessTokenUnavailableError('timeout', 1, new Error('the time for this request is over')));
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp);
  });
  return Promise.race([token, aborted]);
}

/** The `Server-Timing` header (W3C Server Timing): what took how long, in milliseconds, if it failed too. */
export class ServerTiming {
  readonly #entries: string[] = [];

  async measure<Result>(
    name: string,
    work: () => Promise<Result>,
    describe?: (result: Result) => string,
  ): Promise<Result> {
    const startedAt = performance.now();
    let description = '';
    try {
      const result = await work();
      if (describe) description = `;desc="${describe(result)}"`;
      return result;
    } finally {
      this.#entries.push(`${name}${description};dur=${(performance.now() - startedAt).toFixed(1)}`);
    }
  }

  toString(): string {
    return this.#entries.join(', ');
  }
}

/** Mounts `/initiate-payment`: GET makes the article's payment and answers as it does, POST any payment. */
export function mountPayments(app: Express, dependencies: PaymentDependencies): void {
  const pay = async (request: Request, response: Response, payment: Payment) => {
    const { signal, release } = requestLifetime(response, dependencies.timeoutMilliseconds ?? 10_000);
    const timing = new ServerTiming();
    try {
      const context = { requestId: request.id, signal };
      return await initiatePayment(payment, dependencies, context, timing);
    } finally {
      release();
      const measured = timing.toString();
      if (measured) response.set('Server-Timing', measured);
    }
  };

  route(app, '/initiate-payment', {
    get: async (request, response) => {
      const { message } = await pay(request, response, paymentInfo);
      response.json(message);
    },
    post: [
      jsonBody,
      async (request, response) => {
        const payment = parseInput(paymentRequest, request.body ?? {});
        const { successful, message } = await pay(request, response, payment);
        if (!successful) throw new HttpError(402, 'insufficient_balance', message);
        response.json({ status: 'successful', message });
      },
    ],
  });
}

/** A signal that aborts when the caller hangs up or the time is over. */
function requestLifetime(response: Response, milliseconds: number) {
  const controller = new AbortController();
  const abort = () => {
    controller.abort();
  };
  const timer = setTimeout(abort, milliseconds);
  response.once('close', abort);
  const release = () => {
    clearTimeout(timer);
    response.off('close', abort);
  };
  return { signal: controller.signal, release };
}
