import { describe } from '@jest/globals';
import { apiContract } from './api.contract.js';

describe('The API with the embedded database', () => {
  apiContract(() => undefined);
});
