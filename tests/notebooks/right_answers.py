"""Right answers that differ from the notebooks' solutions: (exercise, code as a reader might write it)."""

RIGHT: list[tuple[str, str]] = [
    ("00.valid", "def f(samples, texts): known = set(texts); return sum(s in known for s in samples) / len(samples)"),
    ("00.valid", "def f(samples, texts): return float(torch.tensor([s in texts for s in samples]).float().mean())"),
    ("00.steps", "def f(shares, target): return next(n for n in sorted(shares) if shares[n] >= target)"),
    ("01.decode", "def f(states): return states.max(-1).indices"),
    ("01.decode", "def f(states): return states.softmax(-1).argmax(dim=2)"),
    (
        "01.decode",
        "def f(states):\n    return (states[..., None, :] - torch.eye(states.shape[-1])).square().sum(-1).argmin(-1)",
    ),
    ("01.mix", "def f(noise, data, t): return torch.lerp(noise, data, t[:, None, None])"),
    (
        "01.mix",
        "def f(noise, data, t):\n    x = noise.clone()\n    x += t.view(-1, 1, 1) * (data - noise)\n    return x",
    ),
    (
        "01.average",
        "def f(tokens, p, size):\n    table = torch.zeros(tokens.shape[1], size, dtype=torch.float64)\n"
        "    for text, share in zip(tokens, p):\n        for position, word in enumerate(text):\n"
        "            table[position, word] += share\n    return table",
    ),
    ("02.denoise", "def f(x, t, p): w = p * torch.exp(t / (1 - t) ** 2 * x); return w / w.sum(-1, keepdim=True)"),
    (
        "02.denoise",
        "def f(x, t, p):\n    far = (x[:, None, :] - t * torch.eye(len(p))).square().sum(-1)\n"
        "    w = p * torch.exp(-far / (2 * (1 - t) ** 2))\n    return w / w.sum(-1, keepdim=True)",
    ),
    ("02.gradient", "def f(z, y):\n    q = z.softmax(-1)\n    q[torch.arange(len(y)), y] -= 1\n    return q / len(y)"),
    ("02.floor", "def f(p): return -(p * p.clamp_min(1e-12).log()).sum(-1).mean()"),
    ("02.floor", "def f(p): return -(p * (p + 1e-9).log()).sum(-1).mean()"),
    ("03.chance", "def f(t, size, z): return (torch.special.ndtr((t + (1 - t) * z) / (1 - t)) ** (size - 1)).mean()"),
    ("03.tau", "def f(error, size): return (1 - 1 / size - error) / (1 - 1 / size)"),
    (
        "03.inverse",
        "def f(tau, wanted):\n    t, step = 0.0, 0.5\n    while step > 1e-6:\n"
        "        if tau(t + step) <= wanted:\n            t += step\n        step /= 2\n    return t",
    ),
    (
        "04.loss",
        "def f(network, tokens, noise, tau, clock):\n    x = noise.clone()\n    t = clock(tau)[:, None, None]\n"
        "    x *= 1 - t\n    x += t * F.one_hot(tokens, x.shape[-1])\n    logits = network(x, tau)\n    x.zero_()\n"
        "    return F.cross_entropy(logits.transpose(1, 2), tokens)",
    ),
    ("03.tau", "def f(error, size): chance = 1 - 1 / size; return (chance - error) / chance"),
    ("04.stratified", "def f(u): return (torch.randperm(len(u)) + u) / len(u)"),
    ("04.stratified", "def f(u): return torch.linspace(0, 1, len(u) + 1)[:-1] + u / len(u)"),
    (
        "04.ema",
        "def f(weights, decay):\n    a = weights[0].clone()\n    for w in weights[1:]:\n"
        "        a.mul_(decay).add_(w, alpha=1 - decay)\n    return a",
    ),
    ("05.step", "def f(x, d, s, t): r = (t - s) / (1 - s); return (1 - r) * x + r * d"),
    (
        "05.sample",
        "def f(denoiser, noise, times):\n    x = noise.clone()\n    for s, t in zip(times, times[1:]):\n"
        "        x += (t - s) / (1 - s) * (denoiser(x, s) - x)\n    return x.argmax(-1)",
    ),
    (
        "05.midpoint",
        "def f(b, x, s, t):\n    h = t - s\n    y = x.clone()\n    y += h / 2 * b(x, s)\n    return x + h * b(y, s + h / 2)",
    ),
    ("08.product", "def f(joint): return torch.outer(joint.sum(1), joint.sum(0))"),
    ("08.steps", "def f(n): return sum(1 if a != b else 0.5 for a in range(n) for b in range(n)) / n**2"),
    (
        "08.valid",
        "def f(tokens, m):\n    total = 0.0\n    for text in tokens:\n        p = 1.0\n"
        "        for place, word in enumerate(text):\n            p *= m[place, word]\n        total += p\n    return total",
    ),
    ("10.memory", "def f(v, n, gb, each, tables): return int(gb * 1e9 / (v * n * each * tables))"),
    (
        "11.count",
        "def f(edges):\n    ways = {0: 1}\n    for e in edges:\n        after = {}\n"
        "        for s, t in zip(e.source.tolist(), e.target.tolist()):\n"
        "            after[t] = after.get(t, 0) + ways.get(s, 0)\n        ways = after\n    return sum(ways.values())",
    ),
    (
        "11.forward",
        "def f(before, e, evidence):\n    table = torch.zeros(len(before), e.after, dtype=torch.float64)\n"
        "    for s, w, t, p in zip(e.source, e.token, e.target, e.chance):\n        table[s, t] += p * evidence[w]\n"
        "    return before @ table",
    ),
    (
        "11.seen",
        "def f(tokens, surprise): return sum({tuple(t): float((-s).exp()) for t, s in zip(tokens.tolist(), surprise)}.values())",
    ),
    (
        "12.hold",
        "def f(x, t, noise, given):\n    out = x.clone()\n    for l, w in enumerate(given.tolist()):\n        if w >= 0:\n"
        "            out[:, l] = (1 - t)[:, None] * noise[:, l]\n            out[:, l, w] += t\n    return out",
    ),
    ("12.sharpen", "def f(p, T): return p ** (1 / T) / (p ** (1 / T)).sum(-1, keepdim=True)"),
    ("12.surprise", "def f(error, density): return sum(e / d for e, d in zip(error, density)) / (2 * len(error))"),
    (
        "13.reliability",
        "def f(confidence, right, edges):\n    out = []\n    for low, high in zip(edges[:-1], edges[1:]):\n"
        "        inside = (confidence >= low) & (confidence < high)\n"
        "        out.append(float(right[inside].double().mean()) if inside.any() else 0.0)\n    return out",
    ),
    (
        "13.keep",
        "def f(confidence, known, rounds, sure):\n    out = torch.zeros_like(known)\n    for b in range(len(known)):\n"
        "        free = [l for l in range(known.shape[1]) if not known[b, l]]\n"
        "        free.sort(key=lambda l: -float(confidence[b, l]))\n        share = -(-len(free) // rounds)\n"
        "        for place, l in enumerate(free):\n"
        "            out[b, l] = place < share or confidence[b, l] >= sure\n    return out",
    ),
]
