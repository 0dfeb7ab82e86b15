/**
 * The first import of a command's main file: from then on a signal is not lost (see `handleSignals`). In a file that is
 * not the main one, because a test imports it, say, it does nothing.
 */
import { handleSignals } from './signals';

if (require.main?.children.includes(module)) handleSignals('command');
