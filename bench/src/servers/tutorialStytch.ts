import { Client } from 'stytch9';
import { stytchProject } from './stytchProject';

/** The Stytch SDK of the article's time. */
export const client = new Client(stytchProject);
