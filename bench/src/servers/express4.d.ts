/** Express 4, the tutorial's, as far as it is used here: what Express 5 has, under another name. */
declare module 'express4' {
  export { default } from 'express';
}
