"""Contrast of words where axe leaves the judgement to a person: over drawings, in scrolling tables."""

# Limits are those of WCAG 2.2 AA: 4.5, and 3 for letters of 24 px, or 18.66 px in bold.
#
# Every word that axe could not judge, with its lowest contrast against what can lie behind it: the
# background of the page or box, and each colour that is filled behind words in the same drawing.
DOUBTS = """async () => {
  const found = await axe.run(document, {runOnly: ['color-contrast'], resultTypes: ['incomplete']});
  const parse = (color) => (color.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((c, k) => a * c + (1 - a) * below[k]);
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, w, k) => sum + w * linear(rgb[k] / 255), 0);
  const background = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor), alpha = color[3] ?? 1;
      if (alpha > 0) layers.push(color);
      if (alpha === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const behind = (node) => {
    const svg = node.closest('svg'), page = background(svg ? svg.parentElement : node);
    const before = node.previousElementSibling;
    const own = node.closest('.annotation-text-g, .cursor-pointer')?.querySelector('.bg')
      || (before && before.matches('rect.back') && before);
    if (!svg) return [page];
    const areas = ['.shapelayer path', '[style*="-band"]', '[style*="-stripe"]'].join(', ');
    const colors = (own ? [own] : [...svg.querySelectorAll(areas)]).map((part) => {
      const style = getComputedStyle(part), color = parse(style.fill);
      return over([...color.slice(0, 3), (color[3] ?? 1) * Number(style.fillOpacity)], page);
    });
    return own ? colors : [page, ...colors];
  };
  const judge = (target) => {
    const node = document.querySelector(target);
    if (!node || !node.textContent.trim() || node.closest('.ex-cell')) return [];
    const style = getComputedStyle(node), svg = node.closest('svg'), size = parseFloat(style.fontSize);
    const paint = parse(svg ? style.fill : style.color);
    const alpha = (paint[3] ?? 1) * (svg ? Number(style.fillOpacity) : 1);
    const lowest = Math.min(...behind(node).map((below) => {
      const both = [light(over([...paint.slice(0, 3), alpha], below)), light(below)];
      return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    }));
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const words = node.textContent.trim().slice(0, 40);
    return lowest >= (large ? 3 : 4.5) ? [] : [`${lowest.toFixed(2)}: ${words} (${target})`];
  };
  return found.incomplete.filter((rule) => rule.id === 'color-contrast')
    .flatMap((rule) => rule.nodes).flatMap((node) => judge(node.target[0])); }"""
