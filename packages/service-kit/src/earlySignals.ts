/**
 * The first import of a main file: from here on no signal is lost. The other modules take 0.3 s to load, and a signal
 * without a handler does nothing to process 1 of a container. Where a test imports that file, this does nothing.
 */
import { handleSignals } from './signals';

if (require.main?.children.includes(module)) handleSignals();
