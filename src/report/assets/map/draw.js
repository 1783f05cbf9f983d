// Draws molecules with WebGL 2. A frame shows as many levels of detail as the machine can draw in time; when the view
// rests, the other levels are added to the picture, some tiles at a time.
"use strict";
const mapGl = {
  program: (gl, vertex, fragment) => {
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, "#version 300 es\nprecision highp float;\nprecision highp int;\n" + source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program));
    const uniforms = {};
    for (let at = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) - 1; at >= 0; at--) {
      const { name } = gl.getActiveUniform(program, at);
      uniforms[name] = gl.getUniformLocation(program, name);
    }
    return { program, uniforms };
  },
  context: (canvas, keep) => canvas.getContext("webgl2", {
    alpha: true, premultipliedAlpha: true, antialias: false, depth: false, stencil: !keep, preserveDrawingBuffer: keep,
  }),
  // A dot: round where it is large enough for that.
  dot: `
    in vec4 v_color; in float v_size; out vec4 color;
    void main() {
      float cover = 1.0;
      if (v_size > 2.5) cover = clamp((0.5 - distance(gl_PointCoord, vec2(0.5))) * v_size + 0.5, 0.0, 1.0);
      float alpha = v_color.a * cover;
      if (alpha < 0.004) discard;
      color = vec4(v_color.rgb * alpha, alpha);
    }`,
  // Tells when all that was asked for is drawn, without waiting for it: `done` gets the milliseconds it took.
  Watch: class {
    constructor(gl) { this.gl = gl; this.sync = null; }
    begin(done) {
      this.began = performance.now();
      this.done = done;
      this.sync = this.gl.fenceSync(this.gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
      this.gl.flush();
    }
    get isBusy() {
      if (!this.sync) return false;
      if (this.gl.getSyncParameter(this.sync, this.gl.SYNC_STATUS) !== this.gl.SIGNALED && !this.gl.isContextLost()) return true;
      this.gl.deleteSync(this.sync);
      this.sync = null;
      this.done(performance.now() - this.began);
      return false;
    }
  },
};

class MoleculeLayer {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = mapGl.context(canvas, true);
    // Molecules per frame, from measured times; and milliseconds that a frame may take.
    this.budget = 120000;
    this.chunk = 60000;
    this.target = 30;
    this.done = -1;
    if (this.gl) this.watch = new mapGl.Watch(this.gl);
  }

  // Loads what does not change.
  load() {
    const { gl } = this, { molecules } = mapData;
    const dots = mapGl.program(gl, `
      in vec2 place; in vec4 paint; uniform vec2 corner, factor; uniform float size; out vec4 v_color; out float v_size;
      void main() {
        gl_Position = paint.a > 0.0 ? vec4(corner + place * factor, 0.0, 1.0) : vec4(9.0, 9.0, 9.0, 1.0);
        gl_PointSize = size; v_size = size; v_color = paint;
      }`, mapGl.dot);
    this.dots = dots;
    this.colors = new Uint32Array(molecules.n);
    this.vertexArray = gl.createVertexArray();
    gl.bindVertexArray(this.vertexArray);
    this.colorBuffer = gl.createBuffer();
    const attribute = (name, buffer, data, use) => {
      const place = gl.getAttribLocation(dots.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, use);
      gl.enableVertexAttribArray(place);
      return place;
    };
    gl.vertexAttribPointer(attribute("place", gl.createBuffer(), molecules.places, gl.STATIC_DRAW), 2, gl.UNSIGNED_SHORT, false, 0, 0);
    gl.vertexAttribPointer(attribute("paint", this.colorBuffer, this.colors, gl.DYNAMIC_DRAW), 4, gl.UNSIGNED_BYTE, true, 0, 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  paint(state) {
    mapColors.paint(state, this.colors);
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.colorBuffer);
    this.gl.bufferSubData(this.gl.ARRAY_BUFFER, 0, this.colors);
  }

  // Draws a view anew. `view`: middle x and y, pixels per unit, width, height, size of dots; all in pixels of the canvas.
  draw(view) {
    const { gl } = this;
    this.view = view;
    gl.viewport(0, 0, view.width, view.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const [dx, dy] = [view.width / 2 / view.scale, view.height / 2 / view.scale];
    this.visible = mapData.tiles.filter(({ box }) =>
      box[2] >= view.x - dx && box[0] <= view.x + dx && box[3] >= view.y - dy && box[1] <= view.y + dy);
    this.sums = new Array(mapData.head.n_levels).fill(0);
    for (const tile of this.visible) tile.counts.forEach((count, level) => { this.sums[level] += count; });
    let level = 0, n = this.sums[0];
    while (level + 1 < this.sums.length && n + this.sums[level + 1] <= this.budget) n += this.sums[++level];
    this.begin();
    for (const tile of this.visible) this.drawTile(tile, 0, level);
    this.done = level;
    this.next = 0;
    this.drawn = n;
    this.watch.begin((time) => {
      this.lastTime = time;
      // Only a frame that was filled says how much more would fit.
      if (time > 1.4 * this.target || n > this.budget / 3) this.budget = this.adapted(this.budget, time, 20000, 3000000);
    });
  }

  adapted(budget, time, least, most) {
    // Times are told at frames of the browser, which come every 16 ms or so.
    const factor = time < 0.7 * this.target ? 1.4 : time < 1.4 * this.target ? 1 : Math.max(this.target / time, 0.5);
    return Math.min(Math.max(budget * factor, least), most);
  }

  get isComplete() { return this.done + 1 >= mapData.head.n_levels; }
  get total() { return (this.sums || []).reduce((sum, n) => sum + n, 0); }

  // Adds some molecules to the picture.
  refine() {
    this.begin();
    let left = this.chunk;
    while (left > 0 && !this.isComplete) {
      if (this.next >= this.visible.length) {
        this.done += 1;
        this.next = 0;
        continue;
      }
      const tile = this.visible[this.next++];
      this.drawTile(tile, this.done + 1, this.done + 1);
      left -= tile.counts[this.done + 1] + 50;
      this.drawn += tile.counts[this.done + 1];
    }
    this.watch.begin((time) => { this.chunk = this.adapted(this.chunk, time, 20000, 1000000); });
  }

  begin() {
    const { gl, view, dots } = this;
    gl.useProgram(dots.program);
    gl.bindVertexArray(this.vertexArray);
    gl.uniform1f(dots.uniforms.size, view.dot);
    const step = mapData.head.step * view.scale;
    gl.uniform2f(dots.uniforms.factor, 2 * step / view.width, -2 * step / view.height);
  }

  drawTile(tile, fromLevel, toLevel) {
    const { gl, view } = this;
    let first = tile.first, n = 0;
    for (let level = 0; level < fromLevel; level++) first += tile.counts[level];
    for (let level = fromLevel; level <= toLevel; level++) n += tile.counts[level];
    if (!n) return;
    gl.uniform2f(this.dots.uniforms.corner, 2 * (tile.x - view.x) * view.scale / view.width, -2 * (tile.y - view.y) * view.scale / view.height);
    gl.drawArrays(gl.POINTS, first, n);
  }
}
