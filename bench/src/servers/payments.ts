import type { Wallet } from './wallets';

/** The article's payment. */
export const paymentInfo = {
  customerId: '67uhjio098uhgt6l',
  debitAmount: 769,
  destinationWalletId: 'yh809ikol7plo98',
};

/** The answer of the article's payment server. */
export function outcome({ customerName, walletBalance }: Wallet): string {
  const { debitAmount, destinationWalletId } = paymentInfo;
  return walletBalance >= debitAmount
    ? `${customerName} your payment of ${debitAmount} to ${destinationWalletId} was successful!`
    : 'Insufficient balance. Transaction failed.';
}
