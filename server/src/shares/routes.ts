import { Router } from 'express';
import { serveOperation } from '../routing.js';
import { shareStatus, type DeclaredShare } from './declarations.js';

export function shareRoutes(shares: () => Promise<DeclaredShare[]>): Router {
  const router = Router();
  serveOperation(router, 'GET /shares', async (_input, response) => {
    const declared = await shares();
    response.json({ shares: declared.map(shareStatus).filter(status => status !== null) });
  });
  return router;
}
