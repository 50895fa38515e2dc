import { Shape } from '@aglais/protocol';
import type { V1Pod } from '@kubernetes/client-node';
import { SHAPE_ANNOTATION } from './names.js';

/** The current shape of a cluster, from the annotation of its driver's pod. */
export function shapeOf({ metadata }: V1Pod): Shape {
  return Shape.parse(JSON.parse(metadata?.annotations?.[SHAPE_ANNOTATION] ?? '{}'));
}
