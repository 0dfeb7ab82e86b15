import { setTimeout as wait } from 'node:timers/promises';
import { inSpan } from 'service-kit';
import type { AccessToken } from 'stytch-m2m';
import type { ServerTiming } from './serverTiming';
import type { CallContext, Wallet, WalletClient } from './wallet/walletClient';
import { WalletError } from './wallet/walletError';

/** The article's payment, and the default of each field. */
export const paymentInfo = {
  customerId: '67uhjio098uhgt6l',
  debitAmount: 769,
  destinationWalletId: 'yh809ikol7plo98',
};

export type Payment = typeof paymentInfo;

export interface PaymentDependencies {
  /** An access token for the wallet-server, cached or new. */
  getM2MAccessToken: (options: { signal: AbortSignal; context: unknown }) => Promise<AccessToken>;
  /** Invalidates a token that the wallet-server rejected. */
  invalidateM2MAccessToken: (accessToken: string) => void;
  wallet: Pick<WalletClient, 'checkBalance'>;
}

interface PaymentResult {
  successful: boolean;
  message: string;
}

/** After a broken connection, or a 502, 503 or 504 of the wallet-server or of a gateway. */
const maxRetries = 2;

/**
 * Makes a payment: gets an access token, reads the balance with it, and compares.
 *
 * @throws WalletError when there is no balance.
 * @throws AccessTokenUnavailableError when there is no access token.
 */
export async function initiatePayment(
  payment: Payment,
  dependencies: PaymentDependencies,
  context: CallContext,
  timing: ServerTiming,
): Promise<PaymentResult> {
  const { customerName, walletBalance } = await readBalance(payment, dependencies, context, timing);
  const { debitAmount, destinationWalletId } = payment;
  return walletBalance >= debitAmount
    ? {
        successful: true,
        message: `${customerName} your payment of ${debitAmount} to ${destinationWalletId} was successful!`,
      }
    : { successful: false, message: 'Insufficient balance. Transaction failed.' };
}

/**
 * Reads the balance. This changes nothing, so it is retried: up to twice after a transient failure, and once after the
 * wallet-server has rejected the token. That time the token is new, unless another was invalidated less than a second ago:
 * then it is the same one, so that a wallet-server that rejects every token does not cause a token request each time.
 *
 * @throws WalletError, AccessTokenUnavailableError
 */
export async function readBalance(
  payment: Payment,
  { getM2MAccessToken, invalidateM2MAccessToken, wallet }: PaymentDependencies,
  context: CallContext,
  timing: ServerTiming,
): Promise<Wallet> {
  const { signal } = context;
  const getToken = (span: CallContext['span']) =>
    timing.measure(
      'token',
      () => getM2MAccessToken({ signal, context: span }),
      ({ source }) => source,
    );
  let { accessToken } = await getToken(context.span);
  return inSpan(context.span, 'checkBalance', 'internal', async (span) => {
    let rejected = false;
    let retries = 0;
    for (;;) {
      try {
        const call = { ...context, span };
        return await timing.measure('wallet', () => wallet.checkBalance(payment, accessToken, call));
      } catch (error) {
        if (!(error instanceof WalletError)) throw error;
        if (error.reason === 'token_rejected' && !rejected) {
          rejected = true;
          invalidateM2MAccessToken(accessToken);
          ({ accessToken } = await getToken(span));
        } else if (error.transient && retries < maxRetries && !signal.aborted) {
          retries += 1;
          await wait(Math.random() * 100 * 2 ** retries, undefined, { signal }).catch(() => undefined);
        } else throw error;
      }
    }
  });
}
