import { z } from 'zod';

/** Where clusters run: on one machine, as pods, or in a YARN. For people; what a launcher can do is in `ResizeInPlace`. */
export const LauncherKind = z.enum(['local', 'kubernetes', 'yarn']);
export type LauncherKind = z.infer<typeof LauncherKind>;
