import { Client } from 'stytch9';
import { stytchProject } from './stytchProject';

/** The Stytch SDK that the article uses. */
export const client = new Client(stytchProject);
