import { z } from 'zod';

/**
 * Where clusters run: on one machine, on Kubernetes, or on YARN. For people; `ResizeInPlace` has a launcher's
 * capabilities.
 */
export const LauncherKind = z.enum(['local', 'kubernetes', 'yarn']);
export type LauncherKind = z.infer<typeof LauncherKind>;
