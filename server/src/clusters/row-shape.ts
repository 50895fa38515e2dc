import { Shape } from '@aglais/protocol';
import type { ClusterRow } from '../store/schema.js';
import { readStored } from '../store/stored-json.js';
import { SMALLEST_SHAPE } from './admission/smallest-shape.js';

/** The same shape with its fields in the order of the schema, so that equal shapes are equal as text. */
export const canonicalShape = (shape: Shape): Shape => Shape.parse(shape);

/**
 * The shape of a cluster by its row, with what a newer server adds to it. A row that is damaged must not keep the server
 * from showing and stopping the cluster: it counts as the smallest shape.
 */
export function shapeOfRow({ shape }: Pick<ClusterRow, 'shape'>): Shape {
  return readStored(Shape, shape) ?? SMALLEST_SHAPE;
}
