import type { Express, Request, Response } from 'express';
import { HttpError, jsonBody, parseInput, route } from 'service-kit';
import { z } from 'zod';
import { initiatePayment, type Payment, type PaymentDependencies, paymentInfo } from '../payments';
import { ServerTiming } from '../serverTiming';

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

export interface PaymentRouteDependencies extends PaymentDependencies {
  /** The timeout of a whole payment. Milliseconds, default 10,000. */
  timeoutMilliseconds?: number;
}

/** Mounts `/initiate-payment`: GET makes the article's payment and answers as it does, POST any payment. */
export function mountPayments(app: Express, dependencies: PaymentRouteDependencies): void {
  const pay = async (request: Request, response: Response, payment: Payment) => {
    const { signal, release } = requestLifetime(response, dependencies.timeoutMilliseconds ?? 10_000);
    const timing = new ServerTiming();
    try {
      const { id: requestId, span } = request;
      return await initiatePayment(payment, dependencies, { requestId, signal, span }, timing);
    } finally {
      release();
      const measured = timing.toString();
      if (measured) response.set('Server-Timing', measured);
    }
  };

  // HEAD makes no payment.
  route(
    app,
    '/initiate-payment',
    {
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
    },
    { head: false },
  );
}

/** A signal that aborts when the caller disconnects or the time is over. */
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
