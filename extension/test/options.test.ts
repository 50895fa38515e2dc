import { describe, expect, it } from '@jest/globals';
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { OptionCheckboxes, optionTitles, toggle } from '../src/clusters/options';

const OFFERED = [
  { name: 'gpu', title: 'One GPU', description: 'An A100 for each executor.' },
  { name: 'nvme', title: 'Fast scratch', description: '' }
];
const choice = (parts: Partial<React.ComponentProps<typeof OptionCheckboxes>> = {}): string =>
  renderToStaticMarkup(
    React.createElement(OptionCheckboxes, {
      offered: OFFERED,
      chosen: [],
      onChange: () => undefined,
      legend: 'Start with',
      ...parts
    })
  );

describe('the options of a cluster', () => {
  it('are not shown if none are offered', () => {
    expect(choice({ offered: [] })).toBe('');
  });

  it('are checkboxes with a title and a description', () => {
    const html = choice({ chosen: ['nvme'] });
    expect(html.match(/type="checkbox"/g)).toHaveLength(2);
    expect(html).not.toContain('aglais-Options-note');
    expect(choice({ note: 'Before it starts.' })).toContain('Before it starts.');
    expect(html).toMatch(/<legend>Start with<\/legend>/);
    expect(html).toMatch(
      /data-option="gpu"[^>]*>One GPU<\/label><p[^>]*>An A100 for each executor\./
    );
    // Which are checked, and their descriptions for screen readers.
    expect(html).toMatch(/<input[^>]*data-option="nvme"[^>]*checked=""/);
    expect(html).not.toMatch(/<input[^>]*data-option="gpu"[^>]*checked=""/);
    const described = /data-option="gpu"[^>]*aria-describedby="([^"]+)"/.exec(html)?.[1];
    expect(html).toContain(`<p id="${described}"`);
  });

  it('are toggled one by one, and listed in the order in which they are offered', () => {
    expect(toggle([], 'nvme', OFFERED)).toEqual(['nvme']);
    expect(toggle(['nvme'], 'gpu', OFFERED)).toEqual(['gpu', 'nvme']);
    expect(toggle(['gpu', 'nvme'], 'gpu', OFFERED)).toEqual(['nvme']);
    // An option of an earlier cluster that is no longer offered cannot be chosen again.
    expect(toggle(['old'], 'gpu', OFFERED)).toEqual(['gpu']);
  });

  it('are shown by title; one that is no longer offered by its name', () => {
    expect(optionTitles(['gpu', 'old'], OFFERED)).toEqual(['One GPU', 'old']);
  });
});
