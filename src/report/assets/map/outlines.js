// Draws what lies above the molecules: those of chosen genes, outlines of cells and of the prior.
"use strict";
class LineLayer {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = mapGl.context(canvas, false);
    this.highlights = { n: 0 };
    if (this.gl) this.watch = new mapGl.Watch(this.gl);
  }

  load() {
    const { gl } = this;
    // Vertices of rings are in a texture: x, y and the number of the ring. A side of an outline is a rectangle from vertex
    // to vertex of one ring, a little wider than the line, and has six vertices of two triangles. (Instances would be
    // simpler, but browsers that render in software draw them one by one.)
    const pull = `
      uniform highp sampler2D rings; uniform highp usampler2D colors; uniform vec2 middle, half_size; uniform float scale;
      vec4 vertex(int at) { return texelFetch(rings, ivec2(at & 2047, at >> 11), 0); }
      vec4 color_of(int cell) {
        uint c = texelFetch(colors, ivec2(cell & 2047, cell >> 11), 0).r;
        return vec4(float(c & 255u), float((c >> 8) & 255u), float((c >> 16) & 255u), 255.0) / 255.0;
      }`;
    this.line = mapGl.program(gl, `${pull}
      uniform float width; uniform vec4 plain;
      out vec4 v_color; out float v_across;
      void main() {
        int at = gl_VertexID / 6, corner = gl_VertexID - 6 * at;
        vec4 a = vertex(at), b = vertex(at + 1);
        vec2 p = (a.xy - middle) * scale, q = (b.xy - middle) * scale, along = q - p;
        float len = length(along);
        if (a.z != b.z || len == 0.0) { gl_Position = vec4(9.0, 9.0, 9.0, 1.0); return; }
        along /= len;
        float reach = width / 2.0 + 0.75;
        // Corners 0 1 2 and 2 1 3 of the rectangle: even ones on one side, the first two at the first vertex.
        int which = corner < 3 ? corner : corner == 3 ? 2 : corner == 4 ? 1 : 3;
        float side = (which & 1) == 0 ? -reach : reach;
        vec2 place = which < 2 ? p - along * width * 0.3 : q + along * width * 0.3;
        place += vec2(-along.y, along.x) * side;
        gl_Position = vec4(place.x / half_size.x, -place.y / half_size.y, 0.0, 1.0);
        v_across = side;
        v_color = plain.a == 0.0 ? color_of(int(a.z)) : plain;
      }`, `
      in vec4 v_color; in float v_across; uniform float width, strength; out vec4 color;
      void main() {
        float cover = clamp(width / 2.0 + 0.5 - abs(v_across), 0.0, 1.0) * v_color.a * strength;
        if (cover < 0.004) discard;
        color = vec4(v_color.rgb * cover, cover);
      }`);
    this.dots = mapGl.program(gl, `
      in vec2 a; in vec4 paint; uniform vec2 middle, half_size; uniform float scale, size; out vec4 v_color; out float v_size;
      void main() {
        vec2 p = (a - middle) * scale / half_size;
        gl_Position = vec4(p.x, -p.y, 0.0, 1.0); gl_PointSize = size; v_size = size; v_color = paint;
      }`, mapGl.dot);
    this.fill = mapGl.program(gl, `${pull}
      flat out vec4 v_color;
      void main() {
        vec4 a = vertex(gl_VertexID);
        vec2 p = (a.xy - middle) * scale / half_size;
        gl_Position = vec4(p.x, -p.y, 0.0, 1.0);
        v_color = color_of(int(a.z));
      }`, `
      flat in vec4 v_color; uniform float strength; out vec4 color;
      void main() { color = vec4(v_color.rgb * strength, strength); }`);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const { cells, outlines, prior, middle } = mapData;
    this.cellColors = new Uint32Array(2048 * Math.max(1, Math.ceil(cells.n / 2048)));
    this.texture = this.newTexture();
    this.outlines = outlines && this.detailed(outlines, outlines.owners);
    // A segment may have several rings, which are not to be joined.
    this.prior = prior && this.detailed(prior, Int32Array.from({ length: prior.n }, (_, ring) => ring));
    const centers = new Float32Array(2 * cells.n);
    for (let cell = 0; cell < cells.n; cell++) {
      centers[2 * cell] = cells.x[cell] - middle[0];
      centers[2 * cell + 1] = cells.y[cell] - middle[1];
    }
    this.centers = this.dotBuffers(centers, this.cellColors.subarray(0, cells.n));
  }

  newTexture() {
    const { gl } = this, texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return texture;
  }

  // All rings in two forms: as they are, and with at most six vertices, for views from far away.
  detailed(outlines, numbers) {
    return { fine: this.ringTexture(outlines, numbers, Infinity), coarse: this.ringTexture(outlines, numbers, 6) };
  }

  ringTexture({ n, begins, vertices }, ringNumbers, most) {
    const { gl } = this, perGroup = 128;
    const taken = (size) => Math.min(size, most);
    let total = 0;
    for (let ring = 0; ring < n; ring++) total += taken(begins[ring + 1] - begins[ring] - 1) + 1;
    const nRows = Math.ceil((total + 1) / 2048), places = new Float32Array(4 * 2048 * nRows);
    const groups = [];
    let at = 0;
    for (let ring = 0; ring < n; ring++) {
      if (ring % perGroup === 0) groups.push({ first: at, n: 0, box: [Infinity, Infinity, -Infinity, -Infinity] });
      const group = groups[groups.length - 1], { box } = group;
      const begin = begins[ring], size = begins[ring + 1] - begin - 1, shown = taken(size);
      for (let step = 0; step <= shown; step++) {
        const vertex = begin + (step === shown ? 0 : Math.floor(step * size / shown));
        const x = vertices[2 * vertex], y = vertices[2 * vertex + 1];
        places.set([x, y, ringNumbers[ring]], 4 * at);
        at += 1;
        if (x < box[0]) box[0] = x;
        if (y < box[1]) box[1] = y;
        if (x > box[2]) box[2] = x;
        if (y > box[3]) box[3] = y;
      }
      group.n = at - group.first;
    }
    const texture = this.newTexture();
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 2048, nRows, 0, gl.RGBA, gl.FLOAT, places);
    return { texture, groups, places };
  }

  dotBuffers(places, colors) {
    const { gl } = this;
    const made = { n: colors.length, places: gl.createBuffer(), colors: gl.createBuffer(), array: gl.createVertexArray() };
    gl.bindVertexArray(made.array);
    for (const [name, buffer, data, size, type, normal] of [
      ["a", made.places, places, 2, gl.FLOAT, false], ["paint", made.colors, colors, 4, gl.UNSIGNED_BYTE, true],
    ]) {
      const place = gl.getAttribLocation(this.dots.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, type, normal, 0, 0);
    }
    gl.bindVertexArray(null);
    return made;
  }

  paint(state) {
    const { gl } = this, { cells } = mapData;
    mapColors.paintCells(state, this.cellColors.subarray(0, cells.n));
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32UI, 2048, this.cellColors.length / 2048, 0, gl.RED_INTEGER, gl.UNSIGNED_INT, this.cellColors);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.centers.colors);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.cellColors.subarray(0, cells.n));
  }

  // Takes the molecules of the chosen genes, level by level so that any first part is a sample of all.
  highlight(state) {
    const { gl } = this, { molecules, tiles, head, middle } = mapData;
    if (this.highlights.n) {
      gl.deleteBuffer(this.highlights.places);
      gl.deleteBuffer(this.highlights.colors);
      gl.deleteVertexArray(this.highlights.array);
    }
    this.highlights = { n: 0 };
    if (state.mode !== "gene" || !state.genes.length || !head.n_shown) return;
    const colorOf = new Uint32Array(head.genes.length);
    for (const { gene, color } of state.genes) colorOf[gene] = mapColors.packed(mapColors.parts(color), 255);
    const found = [];
    for (let level = 0; level < head.n_levels; level++) {
      for (const tile of tiles) {
        let at = tile.first;
        for (let before = 0; before < level; before++) at += tile.counts[before];
        for (const end = at + tile.counts[level]; at < end; at++) {
          const color = colorOf[molecules.gene[at]];
          if (color && mapColors.isShown(state, at)) {
            found.push(tile.x - middle[0] + molecules.places[2 * at] * head.step, tile.y - middle[1] + molecules.places[2 * at + 1] * head.step, color);
          }
        }
      }
    }
    const n = found.length / 3, places = new Float32Array(2 * n), colors = new Uint32Array(n);
    for (let at = 0; at < n; at++) {
      places[2 * at] = found[3 * at];
      places[2 * at + 1] = found[3 * at + 1];
      colors[at] = found[3 * at + 2];
    }
    if (n) this.highlights = this.dotBuffers(places, colors);
  }

  // Draws the view. `isMoving`: the picture may be simpler. Says whether outlines were left out as too small.
  draw(view, state, isMoving) {
    const { gl } = this;
    gl.viewport(0, 0, view.width, view.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    const middle = [view.x - mapData.middle[0], view.y - mapData.middle[1]], half = [view.width / 2, view.height / 2];
    this.area = [middle[0] - half[0] / view.scale, middle[1] - half[1] / view.scale, middle[0] + half[0] / view.scale, middle[1] + half[1] / view.scale];
    const use = (program) => {
      gl.useProgram(program.program);
      gl.uniform2f(program.uniforms.middle, ...middle);
      gl.uniform2f(program.uniforms.half_size, ...half);
      gl.uniform1f(program.uniforms.scale, view.scale);
      return program.uniforms;
    };
    const radius = mapData.head.radius * view.scale / view.ratio;
    const isTiny = radius < 1.6, isColored = state.outlineBy !== "none";
    // From far away, cells are dots with the color of their statistic.
    if (state.cells && isTiny && isColored && this.centers.n) {
      gl.uniform1f(use(this.dots).size, Math.max(2 * radius, 1.5) * view.ratio);
      gl.bindVertexArray(this.centers.array);
      gl.drawArrays(gl.POINTS, 0, this.centers.n);
    }
    const isFar = radius < (isMoving || this.isSlow ? 14 : 5);
    if (state.cells && !isTiny && isColored && this.outlines && !(isMoving && this.isSlow)) this.drawFills(use(this.fill), isFar);
    if (this.highlights.n) {
      gl.uniform1f(use(this.dots).size, Math.max(view.dot * 1.5, 3 * view.ratio));
      gl.bindVertexArray(this.highlights.array);
      gl.drawArrays(gl.POINTS, 0, isMoving ? Math.min(this.highlights.n, 60000) : this.highlights.n);
    }
    if (!isTiny) {
      const strength = Math.min(1, 0.1 + radius / 11), uniforms = use(this.line);
      const lines = (rings, width, color, share) => {
        gl.uniform1f(uniforms.width, width * view.ratio);
        gl.uniform1f(uniforms.strength, share * strength);
        gl.uniform4f(uniforms.plain, ...color);
        this.drawRings(isFar ? rings.coarse : rings.fine);
      };
      const wide = radius > 14;
      if (state.prior && this.prior) lines(this.prior, wide ? 2.2 : 1.3, state.priorColor, 0.95);
      if (state.cells && this.outlines) lines(this.outlines, wide ? 1.5 : 1, [0, 0, 0, 0], isColored ? 1 : 0.85);
    }
    this.watch.begin((time) => {
      this.lastTime = time;
      if (isMoving) this.isSlow = time > 50 || (this.isSlow && time > 20);
    });
    return isTiny;
  }

  visibleGroups({ groups }) {
    const [left, top, right, bottom] = this.area;
    return groups.filter(({ box }) => box[2] >= left && box[0] <= right && box[3] >= top && box[1] <= bottom);
  }

  drawRings(rings) {
    const { gl } = this;
    this.bind(rings, this.line);
    for (const { first, n } of this.visibleGroups(rings)) if (n > 1) gl.drawArrays(gl.TRIANGLES, 6 * first, 6 * (n - 1));
  }

  // Rings in the first place for textures, colors of cells in the second; no attributes.
  bind(rings, { uniforms }) {
    const { gl } = this;
    gl.bindVertexArray(null);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, rings.texture);
    gl.uniform1i(uniforms.rings, 0);
    gl.uniform1i(uniforms.colors, 1);
  }

  // Fills cells with their colors: first the triangles of a fan count in the stencil how often a ring goes around a
  // place, then what is inside takes the color.
  drawFills(uniforms, isFar) {
    const { gl } = this, rings = isFar ? this.outlines.coarse : this.outlines.fine;
    if (!rings.fans) rings.fans = this.fans(rings);
    this.bind(rings, this.fill);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, rings.fans.buffer);
    gl.uniform1f(uniforms.strength, 0.5);
    gl.enable(gl.STENCIL_TEST);
    const seen = this.visibleGroups(rings.fans);
    for (const pass of [0, 1]) {
      gl.colorMask(pass, pass, pass, pass);
      gl.stencilFunc(pass ? gl.NOTEQUAL : gl.ALWAYS, 0, 255);
      gl.stencilOpSeparate(gl.FRONT, gl.KEEP, gl.KEEP, pass ? gl.ZERO : gl.INCR_WRAP);
      gl.stencilOpSeparate(gl.BACK, gl.KEEP, gl.KEEP, pass ? gl.ZERO : gl.DECR_WRAP);
      for (const { first, n } of seen) gl.drawElements(gl.TRIANGLES, n, gl.UNSIGNED_INT, 4 * first);
    }
    gl.disable(gl.STENCIL_TEST);
  }

  // Triangles of every ring from its first vertex to each side.
  fans({ groups, places }) {
    const { gl } = this;
    const total = groups.reduce((sum, { n }) => sum + n, 0);
    const corners = new Uint32Array(3 * total), made = [];
    let used = 0;
    for (const { first, n, box } of groups) {
      const from = used;
      let begin = first;
      for (let at = first; at < first + n; at++) {
        if (places[4 * at + 2] !== places[4 * begin + 2]) begin = at;
        if (at >= begin + 2) { corners[used++] = begin; corners[used++] = at - 1; corners[used++] = at; }
      }
      made.push({ first: from, n: used - from, box });
    }
    const fans = gl.createBuffer();
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, fans);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners.subarray(0, used), gl.STATIC_DRAW);
    return { buffer: fans, groups: made };
  }
}
