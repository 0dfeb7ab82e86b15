import type { RequestHandler } from 'express';

/** The wallets of the article, which all wallet servers of the benchmark use. */
export const walletInfo = [
  {
    customerId: '67uhjio098uhgt6l',
    customerName: 'john_doe',
    walletId: 'oipk9ifgl7yto9w',
    walletBalance: 1790,
  },
  {
    customerId: 'plu8iio0t3uhh06h',
    customerName: 'jane_doe',
    walletId: 'ui099jlolrrao6g',
    walletBalance: 970,
  },
];

export interface Wallet {
  customerName: string;
  walletId: string;
  walletBalance: number;
}

export function findWallet(customerId: unknown): Wallet | undefined {
  const customer = walletInfo.find((wallet) => wallet.customerId === customerId);
  if (!customer) return undefined;
  const { customerName, walletId, walletBalance } = customer;
  return { customerName, walletId, walletBalance };
}

/** The route's handler in Express, which all servers on Express share. */
export const checkBalance: RequestHandler = (request, response) => {
  const wallet = findWallet((request.body as { customerId?: unknown }).customerId);
  if (wallet) response.json(wallet);
  else response.status(400).json({ error: 'Invalid customer' });
};
