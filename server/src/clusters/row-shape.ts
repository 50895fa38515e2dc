import { Shape } from '@aglais/protocol';
import type { ClusterRow } from '../store/schema.js';
import { readStored } from '../store/stored-json.js';
import { SMALLEST_SHAPE } from './admission/smallest-shape.js';

/** The same shape with its fields in the order of the schema, so that equal shapes have equal JSON. */
export const canonicalShape = (shape: Shape): Shape => Shape.parse(shape);

/**
 * The shape of a cluster from its row, including unknown fields of a newer server. A corrupt row must not prevent the
 * server from showing and stopping the cluster: it counts as the smallest shape.
 */
export function shapeOfRow({ shape }: Pick<ClusterRow, 'shape'>): Shape {
  return readStored(Shape, shape) ?? SMALLEST_SHAPE;
}
