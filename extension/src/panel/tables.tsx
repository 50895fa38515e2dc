import * as React from 'react';
import type { CachedTable } from '@aglais/protocol';
import { tableDetail, tableShares, tableWords } from '../clusters/tables';
import type { Trans } from '../words';

/** A cached table: its name, how much of it is kept, and a bar of what is in memory and on disk. */
export function TableRow(props: { table: CachedTable; trans: Trans }): React.JSX.Element {
  const { table, trans } = props;
  const shares = tableShares(table);
  const words = tableWords(table, trans);
  const detail = tableDetail(table, trans);
  return (
    <li className="aglais-Table" data-rdd={table.rdd}>
      <div className="aglais-Table-words">
        <span className="aglais-Table-name" title={table.name}>
          {table.name}
        </span>
        <span className="aglais-Table-figure">{words}</span>
      </div>
      {shares && (
        <div
          className="aglais-Table-bar"
          role="meter"
          aria-label={trans.__('Cached part of %1', table.name)}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(100 * (shares.memory + shares.disk))}
          aria-valuetext={[words, detail].filter(Boolean).join('; ')}
          title={table.level}
        >
          <div data-part="memory" style={{ width: `${100 * shares.memory}%` }} />
          <div data-part="disk" style={{ width: `${100 * shares.disk}%` }} />
        </div>
      )}
      {detail && <div className="aglais-Table-detail">{detail}</div>}
    </li>
  );
}
