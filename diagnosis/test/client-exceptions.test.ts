import { describe, expect, it } from '@jest/globals';
import { readClientJson, readClientText } from '../src/evidence/client-exceptions.js';

describe('an exception of a client', () => {
  it('is read from a traceback, colored as in notebooks', () => {
    const traceback = [
      '\u001b[0;31m---------\u001b[0m',
      'Traceback (most recent call last)',
      'Cell In[3], line 1',
      '\u001b[0;31mSparkConnectGrpcException\u001b[0m: (org.apache.spark.SparkException) [INVALID_HANDLE.SESSION_CHANGED] The handle x is invalid.'
    ].join('\n');
    expect(readClientText(traceback, 'c')).toMatchObject([{ name: 'SparkConnectGrpcException' }]);
    expect(readClientText(traceback, 'c')[0]!.message).toMatch(/SESSION_CHANGED/);
  });

  it('is read from other formats, or is missing', () => {
    expect(readClientText('EXC Py4JJavaError An error occurred', 'c')[0]).toMatchObject({
      name: 'Py4JJavaError'
    });
    expect(readClientText('2\n', 'c')).toEqual([]);
  });

  it("is read from JSON of different formats: our own, Jupyter's, and a notebook", () => {
    expect(readClientJson({ name: 'ValueError', message: 'no' }, 'c')).toMatchObject([
      { name: 'ValueError', message: 'no' }
    ]);
    expect(readClientJson({ ename: 'ValueError', evalue: 'no' }, 'c')).toHaveLength(1);
    const notebook = {
      cells: [
        {
          cell_type: 'code',
          id: 'abc',
          execution_count: 3,
          outputs: [{ output_type: 'error', ename: 'ValueError', evalue: 'no' }]
        },
        { cell_type: 'markdown', id: 'def' }
      ]
    };
    expect(readClientJson(notebook, 'c')).toMatchObject([{ cell: 'abc', run: 3 }]);
  });
});
