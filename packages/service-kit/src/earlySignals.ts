/**
 * Import this first in a main file: it handles signals while the other modules load, which takes 0.3 s. Without a
 * handler, process 1 of a container ignores SIGTERM. It does nothing where a test imports the main file.
 */
import { handleSignals } from './signals';

if (require.main?.children.includes(module)) handleSignals();
