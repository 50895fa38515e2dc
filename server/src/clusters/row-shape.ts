import { Shape } from '@aglais/protocol';
import type { ClusterRow } from '../store/schema.js';
import { SMALLEST_SHAPE } from './admission/smallest-shape.js';

/** The same shape with its fields in the order of the schema, so that equal shapes are equal as text. */
export const canonicalShape = (shape: Shape): Shape => Shape.parse(shape);

/**
 * The shape of a cluster by its row. A row that cannot be read (a damaged database, a server of another version) must not keep
 * the server from showing and stopping the cluster: it counts as the smallest shape.
 */
export function shapeOfRow({ shape }: Pick<ClusterRow, 'shape'>): Shape {
  try {
    return Shape.parse(JSON.parse(shape));
  } catch {
    return SMALLEST_SHAPE;
  }
}
