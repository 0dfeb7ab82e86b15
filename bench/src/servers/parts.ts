/** The parts of our wallet-server that cost something for each request, in the order in which they are added. */
export const partNames = [
  'time limits',
  'request id',
  'metrics',
  'log line',
  'security headers',
  'admission',
  'content type',
  'digest',
  'authorization',
] as const;
