/** What templates reach, from the ways out of Jinja that were published and the idioms of real chat templates. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ARTEFACTS, labelled } from "../../test/support/artefacts.ts";
import { analyseTemplate, templateFindings } from "./jinja.ts";

const verdictOf = (template: string): string => analyseTemplate(template).verdict;

describe("a template that fills the memory", () => {
  test.each([
    ["{% set n = namespace(x='aa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}", "suspicious"],
    [
      "{% set n = namespace(x='aa', y='') %}{% for i in range(60) %}{% set n.y = n.x %}{% set n.x = [n.y, n.x]|join %}{% endfor %}",
      "suspicious",
    ],
    ["{% set n = namespace(x='aa') %}{% for m in messages %}{% set n.x = n.x ~ n.x %}{% endfor %}", "unknown"],
    [`${"{% set a = [a, a, a, a] %}".repeat(20)}{{ x[a|join] }}`, "suspicious"],
    [`{% set x = 'aa' %}${"{% set x = x ~ x %}".repeat(30)}`, "suspicious"],
    ["{{ 'a'.ljust(9999999999) }}", "suspicious"],
    ["{{ 'a'.zfill(99999999999) }}", "suspicious"],
    ["{{ ('b'*100000)|join('c'*100000) }}", "suspicious"],
    ["{{ ('c'*100000).join('b'*100000) }}", "suspicious"],
    ["{{ ('a'*100000)|replace('a','b'*100000) }}", "suspicious"],
    ["{{ ('a'*100000).replace('','b'*100000) }}", "suspicious"],
    ["{{ 'a'.ljust(80) ~ ('-'*100)|join(', ')|replace('a', 'b') }}", "nothing"],
    [
      "{% set n = namespace(x='') %}{% for m in messages %}{% set n.x = n.x ~ m.content if m else n.x %}{% endfor %}",
      "nothing",
    ],
    ["{% for i in range(60) %}{% set x = x ~ x %}{% endfor %}", "nothing"],
  ])("%.80s", (template, verdict) => expect(verdictOf(template)).toBe(verdict));
});

describe("a template that gets hold of the interpreter is malicious", () => {
  test.each([
    // CVE-2024-34359 (llama-cpp-python), and the chains of attribute reads that every SSTI sheet lists.
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__()[40]('/etc/passwd').read() }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x() }}{% endfor %}",
    "{{ self._TemplateReference__context }}",
    "{{ x.mro() }}",
    "{{ __builtins__['eval']('1') }}",
    "{% if ''.__class__.__mro__ %}{% endif %}",
    "{% print(lipsum.__globals__) %}",
    "{% call(x) f(lipsum.__globals__) %}{% endcall %}",
    "{{ range.__call__.__globals__ if true else 1 }}",
    "{{ (messages | first).content.__reduce_ex__(4) }}",
    // Code that runs if the program hands it in.
    "{{ eval('1') }}",
    "{{ os.system('id') }}",
    "{{ subprocess.check_output(['id']) }}",
  ])("%s", (template) => expect(verdictOf(template)).toBe("malicious"));
});

describe("so is one that puts the name together", () => {
  test.each([
    String.raw`{{ lipsum['\x5f\x5fglobals\x5f\x5f'] }}`,
    String.raw`{{ lipsum["\u005f_globals_\137"] }}`,
    "{{ lipsum['__glo' 'bals__'] }}",
    "{{ lipsum['__glo' + 'bals__'] }}",
    "{% set a = '__' %}{% set b = 'globals' %}{{ lipsum|attr(a ~ b ~ a) }}",
    "{{ x|attr(['_', '_', 'glob', 'als', '_', '_']|join) }}",
    "{{ x|attr('_'.join(['', '', 'globals', '', ''])) }}",
    "{{ x|attr('__slabolg__'[::-1]) }}",
    "{{ x|attr('__slabolg__'|reverse) }}",
    "{{ x|attr('%c%cglobals%c%c'|format(95, 95, 95, 95)) }}",
    "{{ x|attr('%s%sglobals__' % ('_', '_')) }}",
    "{{ x|attr('{}{}'.format('__glob', 'als__')) }}",
    "{{ x|attr('__' ~ 'GLOBALS'|lower ~ '__') }}",
    "{{ x|attr('@@globals@@'|replace('@', '_')) }}",
    "{{ x|attr('__globals__'|trim) }}",
    "{{ x|attr(dict(__glo=1, bals__=2)|join) }}",
    "{% for name in ['role', '__globals__'] %}{{ lipsum[name] }}{% endfor %}",
    "{% for a, b in [('x', '__globals__')] %}{{ lipsum[b] }}{% endfor %}",
    "{% macro get(name) %}{{ lipsum|attr(name) }}{% endmacro %}{{ get('__globals__') }}",
    "{{ get('__globals__') }}{% macro get(name) %}{{ lipsum|attr(name) }}{% endmacro %}",
    "{% with name = '__globals__' %}{{ x|attr(name) }}{% endwith %}",
    "{% set ns = namespace(name='__globals__') %}{{ lipsum|attr(ns.name) }}",
    "{% set ns = namespace() %}{% set ns.name = '__globals__' %}{{ lipsum|attr(ns.name) }}",
    "{{ lipsum[('__globals__' if true else 'a')] }}",
    // Attributes that filters and formats read by themselves: CVE-2016-10745, CVE-2019-10906.
    "{{ '{0.__class__.__init__.__globals__}'.format(x) }}",
    "{{ '{x[__globals__]}'.format_map({'x': x}) }}",
    "{{ x|map(attribute='__class__.__mro__')|list }}",
    "{{ [x]|map('attr', '__globals__')|list }}",
  ])("%s", (template) => expect(verdictOf(template)).toBe("malicious"));
});

describe("what no chat needs is suspicious:", () => {
  test.each([
    "{{ ''.__class__ }}",
    "{{ joiner.__init__ }}",
    "{{ messages|sort(attribute='__class__') }}",
    "{{ messages|selectattr('__class__')|list }}",
    "{% filter attr('__class__') %}a{% endfilter %}",
    // CVE-2025-27516
    "{{ ('a'|attr('format'))('b') }}",
    "{{ lipsum|attr(messages[0].content) }}",
    "{% set name %}__globals__{% endset %}{{ lipsum|attr(name) }}",
    "{% include '/etc/passwd' %}",
    "{% from 'x' import y %}",
    "{% extends layout %}",
    "{{ open('/etc/passwd') }}",
    // Bombs.
    "{% for i in range(1000000000) %}{% endfor %}",
    "{% for i in range(10000) %}{% for j in range(10000) %}a{% endfor %}{% endfor %}",
    "{{ 'a' * 100000000 }}",
    "{{ 9 ** 99999999 }}",
    "{{ '%099999999d' % 1 }}",
    "{{ 'a'|center(100000000) }}",
    "{% set l = [1] %}{% for a in l %}{{ l.append(1) }}{% endfor %}",
  ])("%s", (template) => expect(verdictOf(template)).toBe("suspicious"));
});

describe("what a template puts together without a loop is counted, to a million:", () => {
  const levels = (count: number, of: (one: number) => string): string =>
    Array.from({ length: count }, (_, i) => of(i)).join("");
  const doubled = (count: number): string => `{% set x = m.content %}${"{% set x = x ~ x %}".repeat(count)}{{ x }}`;
  const written = (count: number): string =>
    `{% set x = m.content %}${"{% set x %}{{ x }}{{ x }}{% endset %}".repeat(count)}{{ x }}`;
  const macros = (count: number): string =>
    `{% macro a0(x) %}{{ x }}{{ x }}{% endmacro %}${levels(count - 1, (i) => `{% macro a${i + 1}(x) %}{{ a${i}(x) }}{{ a${i}(x) }}{% endmacro %}`)}{{ a${count - 1}(m) }}`;
  const calls = (count: number): string =>
    `{% macro t() %}{{ caller() }}{{ caller() }}{% endmacro %}${"{% call t() %}".repeat(count)}{{ m }}${"{% endcall %}".repeat(count)}`;
  const handed = (count: number): string =>
    `{% macro a(x) %}{{ x }}{{ x }}{% endmacro %}{{ ${"a(".repeat(count)}m${")".repeat(count)} }}`;
  // Two to the power of each count: 2 ** 19 = 524,288 and 2 ** 20 = 1,048,576.
  test.each([
    ["names", doubled],
    ["blocks", written],
    ["macros", macros],
    ["blocks for macros", calls],
    ["macros within macros", handed],
  ])("%s", (_, of) => expect([of(19), of(20)].map(verdictOf)).toEqual(["nothing", "unknown"]));

  const ten = `{% set l = [${"1,".repeat(10)}] %}`;
  const loops = (count: number, over: string): string =>
    `${"{% for a in ".concat(over, " %}").repeat(count)}x${"{% endfor %}".repeat(count)}`;
  test("loops over a list that stands there, in each other", () =>
    expect([5, 6].map((count) => verdictOf(ten + loops(count, "l")))).toEqual(["nothing", "suspicious"]));
  test("the same through macros", () => {
    const chain = levels(
      7,
      (i) => `{% macro a${i}() %}{% for x in l %}${i === 0 ? "x" : `{{ a${i - 1}() }}`}{% endfor %}{% endmacro %}`,
    );
    expect([`${ten}${chain}{{ a3() }}`, `${ten}${chain}{{ a6() }}`].map(verdictOf)).toEqual([
      "suspicious",
      "suspicious",
    ]);
    expect(verdictOf(`${ten}${chain.slice(0, chain.indexOf("{% macro a4"))}{{ a3() }}`)).toBe("nothing");
  });
  test("loops over all of the chat, in each other; over parts of it they are as many as it is", () => {
    expect([6, 7].map((count) => verdictOf(loops(count, "messages")))).toEqual(["nothing", "unknown"]);
    const parts = `{% for a0 in messages %}${levels(12, (i) => `{% for a${i + 1} in a${i}.parts %}`)}x${"{% endfor %}".repeat(13)}`;
    expect(verdictOf(parts)).toBe("nothing");
  });
  test("replacements one behind the other, as templates escape what they are given, are few copies", () =>
    expect(
      verdictOf(
        `{{ m.content${[
          ["&", "&amp;"],
          ["<", "&lt;"],
          [">", "&gt;"],
          ['"', "&quot;"],
        ]
          .map(([a, b]) => `|replace('${a}', '${b}')`)
          .join("")} }}`,
      ),
    ).toBe("nothing"));
});

describe("what cannot be followed is unknown:", () => {
  test.each([
    "{{ unclosed",
    "{% if x %}",
    "{% endif %}",
    "{{ a b }}",
    "{{ a[b c] }}",
    "{% if a if b %}{% endif %}",
    "{{ x|no_such_filter }}",
    "{{ x is no_such_test }}",
    "{{ give_me(1) }}",
    "{{ messages['a' ~ tools[0].name] }}",
    "{% nonsense %}",
    `{{ ${"(".repeat(5000)} }}`,
    `{{ ${"-".repeat(5000)}1 }}`,
    `{{ a${".b".repeat(5000)} }}`,
    `{{ a${"|trim".repeat(5000)} }}`,
    `{{ 'a'${" + 'a'".repeat(5000)} }}`,
    "{% if a %}".repeat(5000),
  ])("%.60s", (template) => expect(["unknown", "nothing"]).toContain(verdictOf(template)));
  test("but not fine", () => {
    expect(verdictOf("{{ unclosed")).toBe("unknown");
    expect(verdictOf("a".repeat(2 ** 20 + 1))).toBe("unknown");
    expect(verdictOf(`{{ a${".b".repeat(5000)} }}`)).toBe("unknown");
    expect(verdictOf("{% if a %}".repeat(5000))).toBe("unknown");
    expect(verdictOf("{{ messages['a' ~ tools[0].name] }}")).toBe("unknown");
  });
  test("and one that no program could render still says what it names", () =>
    expect(verdictOf("{{ lipsum.__globals__")).toBe("suspicious"));
});

describe("a name that takes a detour is not passed over:", () => {
  test.each([
    "{{ messages[messages[0].content] }}",
    "{{ messages|groupby(attribute=messages[0].role) }}",
    "{{ messages.clear() }}",
    "{{ loop._iterator }}",
    "{{ x|attr('_environ' ~ 'ment') }}",
    "{{ lipsum(n=999999999) }}",
    "{% macro m(o,k) %}{{ o[k] }}{% endmacro %}{% set f=m %}{{ f(lipsum,'__globals__') }}",
    "{% macro m() %}{{ caller(lipsum,'__globals__') }}{% endmacro %}{% call(o,k) m() %}{{ o[k].os.popen('id') }}{% endcall %}",
    "{% macro m() %}{{ varargs[0][varargs[1]].os }}{% endmacro %}{{ m(lipsum,'__globals__') }}",
    "{% macro m() %}{{ kwargs.o[kwargs.k].os }}{% endmacro %}{{ m(o=lipsum,k='__globals__') }}",
    "{% macro m() %}__class__{% endmacro %}{{ ''[m()] }}",
    "{% set ns = namespace(o=lipsum,k='__globals__') %}{{ ns['o'][ns['k']] }}",
    "{% set ns = namespace(o=lipsum,k='__globals__') %}{% set n = ns %}{{ n.o[n.k] }}",
    "{{ ''[namespace(k='__class__').k] }}",
    "{{ ''[dict(a='__class__')['a']] }}",
    "{{ lipsum|attr({'__globals__':1}|join) }}",
    "{{ ''[{0:'__class__'}[0]] }}",
    "{% for k in ['a'] recursive %}{{ lipsum[k] }}{{ loop(['__globals__']) }}{% endfor %}",
    "{{ ''[cycler('__class__').next()] }}",
    "{{ ''[messages[0].get('zz','__class__')] }}",
    "{{ ''[messages[0].role.replace('user','__class__')] }}",
    "{{ ''[messages[0].role|replace('user','__class__')] }}",
    "{{ ''[messages[0].role|truncate(0,true,'__class__',0)] }}",
    "{{ ''[[1]|batch(2,'__class__')|first|last] }}",
    "{{ ''[messages|map(attribute='nope',default='__class__')|first] }}",
    "{{ ''[messages|map(attribute='nope',default='')|join('__class__')] }}",
    "{% set l=[] %}{% set _=l.append('__class__') %}{{ ''[l[0]] }}",
    "{% set d={} %}{% set _=d.update({'k':'__class__'}) %}{{ ''[d.k] }}",
    "{% if a %}{% set l=['x'] %}{% else %}{% set l=['__class__'] %}{% endif %}{{ ''[l[0]] }}",
    "{{ ''[['x','__class__'][1:][0]] }}",
    "{{ ''[(messages+['__class__'])[1]] }}",
    "{{ [[lipsum]]|map('map','attr','__globals__')|first|first }}",
    "{{ messages|sort(false,false,'__class__') }}",
    "{{ messages|sum('__class__') }}",
    "{{ messages|groupby(**{'attribute':'__class__'}) }}",
    "{{ ''[messages[0].content][messages[1].content]() }}",
    "{{ tools[0].popen('id') }}",
    "{% set x = lipsum if a else '__globals__' %}{{ x[x] }}",
    "{% for i in [1] %}{% set lipsum = 1 %}{% endfor %}{{ lipsum['__glo' ~ messages[0].x] }}",
    "{{ ''[strftime_now('__class__')] }}",
    "{{ ''['__class__'|tojson|trim('\"')] }}",
    "{{ ''[{'a':'__class__'}|dictsort|first|last] }}",
    "{% for x in y %}{% call m() %}{{ ''.__class__ }}{% endcall %}{% endfor %}",
  ])("%s", (template) => expect(verdictOf(template)).not.toBe("nothing"));
});

describe("what grows without end, or by far, is told:", () => {
  const loop = (turn: string, start = "ns = namespace(x='ab',n=2,l=[1])") =>
    `{% set ${start} %}{% for m in messages %}${turn}{% endfor %}{{ ns.x }}`;
  test.each([
    // Lists that take themselves in.
    "{% set l=[1] %}{% for m in messages %}{% set _=l.extend(l) %}{% endfor %}",
    "{% set l=[1] %}{% for m in messages %}{{ l.append(l|join) or '' }}{% endfor %}",
    "{% set l=[1] %}{% for m in messages %}{% if l.insert(0, l ~ '') %}{% endif %}{% endfor %}",
    "{% set d={} %}{% for m in messages %}{% set _=d.update({'a': d|string}) %}{% endfor %}",
    "{% set d={} %}{% for m in messages %}{% set _=d.update(a=d|tojson) %}{% endfor %}",
    "{% set l=[1] %}{% for m in messages %}{% set k=l+l %}{% set _=l.extend(k) %}{% endfor %}",
    "{% set l=[1] %}{% macro m(a) %}{% set _=l.extend(l) %}{{ m(a) }}{% endmacro %}{{ m(1) }}",
    loop("{% set _=ns.l.extend(ns.l) %}"),
    // Texts, however they are read and put together.
    loop("{% set ns.x=ns.x~ns.x %}"),
    loop("{% set ns.x=ns['x']~ns|attr('x') %}"),
    loop("{% set ns.x='%s%s'%(ns.x,ns.x) %}"),
    loop("{% set ns.x='{0}{0}'.format(ns.x) %}"),
    loop("{% set ns.x=ns.x[:]~ns.x[:] %}"),
    loop("{% set ns.x=[ns.x][0]~ns.x %}"),
    loop("{% set ns.x=ns.x*k %}"),
    loop("{% set ns.x=ns.x|replace('a','aaa') %}"),
    loop("{% set ns.x=ns.x.replace('','--') %}"),
    loop("{% set ns.x=ns.x|list|join('a') %}"),
    loop("{% set ns.x='ab'.join(ns.x) %}"),
    loop("{% set ns.x=ns.x|tojson %}"),
    loop("{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"),
    loop("{% set ns.x %}{% for i in k %}{{ ns.x }}{% endfor %}{% endset %}"),
    loop("{% with y=ns.x %}{% set ns.x=y~y %}{% endwith %}"),
    loop("{% for c in ns.x %}{% set ns.x=ns.x~c %}{% endfor %}"),
    `{% macro two(a) %}{{ a }}{{ a }}{% endmacro %}${loop("{% set ns.x=two(ns.x) %}")}`,
    // Macros that call themselves.
    "{% macro m(a) %}{{ m(a~a) }}{% endmacro %}{{ m('x') }}",
    "{% macro m(a,b) %}{% if a %}{{ m(a.next, b=b~b) }}{% endif %}{% endmacro %}{{ m(tools,'x') }}",
    "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(99) }}",
    "{% macro m(n) %}{% for i in range(2) %}{{ m(n) }}{% endfor %}{% endmacro %}{{ m(1) }}",
    "{% macro m(n) %}{{ k(n) }}{{ k(n) }}{% endmacro %}{% macro k(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "{% macro m(n) %}{% set k=n+1 %}{{ m(k) }}{{ m(k) }}{% endmacro %}{{ m(1) }}",
    "{% for x in [1,2] recursive %}{{ loop([1,2]) }}{% endfor %}",
    // Numbers that count repetitions.
    loop("{% set ns.n=ns.n*10 %}{{ 'x'*ns.n }}"),
    loop("{% set ns.n=ns.n*ns.n %}"),
    loop("{% set ns.n=ns.n+ns.n %}{% set ns.x='x'*ns.n %}"),
    "{{ 'x' * messages[0].n }}",
    "{{ (messages[0].n|int * 2) * '  ' }}",
    "{% set n=999999 %}{{ ('x'*n)*n }}",
  ])("%s", (template) => {
    const { findings } = analyseTemplate(template);
    expect(findings.map(({ rule }) => rule)).toContain("template-bomb");
  });
  test("constants say how far", () => {
    const turns = (count: number) =>
      verdictOf(`{% set l=[1] %}{% for i in range(${count}) %}{% set _=l.extend(l) %}{% endfor %}`);
    expect([turns(10), turns(40)]).toEqual(["nothing", "suspicious"]);
  });
  test.each([
    loop("{% set ns.x=ns.x~m.content %}{% set ns.n=ns.n+1 %}{% set _=ns.l.append(m) %}"),
    loop("{% set ns.x=[ns.x,m.role]|join(', ') %}{{ '  '*ns.n }}{{ '-'*loop.index }}"),
    loop("{% set ns.x=ns.x|replace('aa','a')|trim %}{% set ns.x=ns.x[1:] %}"),
    loop("{% set ns.x %}{{ ns.x }}{{ m.content }}{% endset %}"),
    "{{ '=' * messages|length }}{{ ' ' * (4 * depth) }}",
    "{% macro m(v,d=0) %}{% for k,w in v.items() %}{{ '  '*d }}{{ k }}{{ m(w,d+1) }}{{ m(w.items,d+1) }}{% endfor %}{% endmacro %}{{ m(tools) }}",
    "{% macro m(v,path) %}{% set c=v.left %}{{ m(c,path~'.'~v.name) }}{{ m(v['right'],path~'/') }}{% endmacro %}{{ m(tools,'') }}",
    "{% macro m(n) %}{{ n }}{% if n %}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(9) }}",
    "{% for t in tools recursive %}{{ t.name }}{{ loop(t.children) }}{% endfor %}",
    "{% set l=[] %}{% for m in messages %}{% if m.role not in l %}{% set _=l.append(m.role) %}{% endif %}{% endfor %}{{ l|join(', ') }}",
  ])("and what goes with the chat is nothing: %s", (template) =>
    expect(analyseTemplate(template)).toMatchObject({ verdict: "nothing", findings: [] }),
  );
});

describe("what chat templates do is nothing:", () => {
  test.each([
    "",
    "no template at all { }",
    "{# cycler.__init__.__globals__ is not run #}",
    "{% raw %}{{ cycler.__init__.__globals__ }}{% endraw %}",
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{{ '<|' + message['role'] + '|>' + message['content'] | trim }}{% endfor %}",
    "{%- set ns = namespace(seen=false, index=-1) -%}{%- for m in messages[::-1] -%}{%- if not ns.seen -%}{%- set ns.seen = true -%}{%- set ns.index = (messages|length - 1) - loop.index0 -%}{%- endif -%}{%- endfor -%}{{ messages[ns.index].content }}",
    "{% set date = strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' %}{{ 'Today: ' + date }}",
    "{% for tool in tools %}{{ tool | tojson(indent=4) }}{% endfor %}",
    "{% for key, value in tool.arguments.items() if key != 'return' %}{{ key ~ '=' ~ (value | tojson if value is not string else value) }}{% endfor %}",
    "{% set content = message.content.split('</think>')[-1].lstrip('\\n') %}{{ content }}",
    "{% macro render(value, depth=0) %}{% if value is mapping %}{% for k, v in value|dictsort %}{{ k }}{{ render(v, depth + 1) }}{% endfor %}{% else %}{{ value }}{% endif %}{% endmacro %}{{ render(tools) }}",
    "{% for message in messages %}{% if loop.first and message.role == 'system' %}{% continue %}{% endif %}{% if loop.last %}{% break %}{% endif %}{% endfor %}",
    "{% generation %}{{ message.content }}{% endgeneration %}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
    "{{ messages | map(attribute='content') | join('\\n') }}",
    "{% for field, title in [('maximum', 'Maximum'), ('minimum', 'Minimum')] %}{{ title ~ param[field] }}{% endfor %}",
    "{% set system, rest = messages[0], messages[1:] %}{{ system.content }}",
    "{{ messages[loop.index0 + 1].role }}",
    "{% if tools is defined and tools is not none and tools | length > 0 %}{{ tools }}{% endif %}",
    "{{ {'a': {'b': 1}} | tojson }}",
    "{{ 'user' if message.role in ['human', 'user'] else 'model' }}",
    "{{ message.get('reasoning') or message.get('thinking', '') }}",
    "{% set text %}{{ a }} and {{ b }}{% endset %}{{ text | trim }}",
    "{% if tools :%}{{ 2 ** tools | length }}{% endif %}",
    "{{- ns.result ~ part -}}{% set ns.result = ns.result ~ part %}",
    "{% macro m(d, known) %}{% for k in d if k not in known %}{{ d[k] }}{% endfor %}{% endmacro %}{{ m(tool.function, ['a']) }}",
    "{% macro m(s) %}{% set names = {'string': 'str'} %}{{ names[s.type] }}{% for t in s.type %}{{ m({'type': t}) }}{% endfor %}{{ m(s.more) }}{% endmacro %}{{ m(tool) }}",
    "{% set l = [] %}{% for m in messages %}{% set _ = l.append(m.role) %}{% endfor %}{{ l[0] }}{{ l|join(', ') }}",
    "{% for m in messages %}{% call(x) wrap(m) %}{{ x }}{% endcall %}{% endfor %}{% macro wrap(m) %}{{ caller(m.content) }}{% endmacro %}",
    "{{ messages[0].content.split('</think>')[-1].strip() }}{{ messages|map(attribute='role')|join(', ') }}",
  ])("%.70s", (template) => expect(analyseTemplate(template)).toMatchObject({ verdict: "nothing", findings: [] }));
});

test("findings are placed in bytes, with the words of whoever asks", () => {
  const [finding] = templateFindings("é{{ x.__mro__ }}", 100, "the chat template");
  expect(finding).toMatchObject({ rule: "template-reach", start: 105, end: 114 });
  expect(finding!.message).toMatch(/^the chat template reads __mro__/);
});

test("what it reaches is listed", () =>
  expect(analyseTemplate("{{ bos_token }}{% for m in messages %}{{ m.content | trim }}{% endfor %}").reaches).toEqual({
    globals: ["bos_token", "messages"],
    attributes: ["content"],
    filters: ["trim"],
  }));

test("a template that grows what it puts together is given up on, soon", () => {
  const began = performance.now();
  const doubling = "{% set a = a ~ a %}".repeat(8000);
  expect(verdictOf(`{% set a = 'ab' %}${doubling}`)).toBe("suspicious");
  expect(verdictOf(`{% set a = 'ab' %}${doubling}{{ lipsum|attr(a) }}`)).not.toBe("nothing");
  expect(performance.now() - began).toBeLessThan(10_000);
});

test("names and macros that lead to each other in a ring take time that goes by how many they are", () => {
  const ring = (count: number, of: (one: number, next: number) => string): string =>
    Array.from({ length: count }, (_, i) => of(i, (i + 1) % count)).join("");
  const began = process.cpuUsage();
  const names = ring(3000, (i, next) => `{% if a.b %}{% set ns.a${i}=ns.a${next}~ns.a${i} %}{% endif %}`);
  expect(verdictOf(`{% for m in x %}${names}{% endfor %}`)).toBe("unknown");
  expect(verdictOf(ring(3000, (i, next) => `{% macro m${i}(a) %}{{ m${next}(a) }}{% endmacro %}`))).toBe("nothing");
  expect(process.cpuUsage(began).user / 1000).toBeLessThan(3000);
});

describe.skipIf(!existsSync(ARTEFACTS))("templates with known verdicts", () => {
  test("come out as they should", () => {
    const templates = labelled().filter(({ file }) => /jinja/.test(file));
    expect(templates.length).toBeGreaterThan(25);
    for (const { file, label } of templates) {
      const text = readFileSync(join(ARTEFACTS, file), "utf8");
      const template = file.endsWith(".json")
        ? ((JSON.parse(text) as { chat_template?: string }).chat_template ?? "")
        : text;
      const expected = { malicious: "malicious", benign: "nothing", invalid: "unknown" }[label as string];
      expect([file, verdictOf(template)]).toEqual([file, expected]);
    }
  });
});
