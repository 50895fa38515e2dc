import { z } from 'zod';

/** Where clusters live: on one machine, or on others' machines. */
export const LauncherKind = z.enum(['local', 'kubernetes', 'yarn']);
export type LauncherKind = z.infer<typeof LauncherKind>;
