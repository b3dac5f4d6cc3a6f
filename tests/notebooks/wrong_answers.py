"""Typical wrong answers: (exercise, code as a reader might write it, a phrase of the message that must name it)."""

#: how answers to 04.loss begin
MIX = (
    "def f(network, tokens, noise, tau, clock):\n    data = F.one_hot(tokens, noise.shape[-1]).float()\n"
    "    t = clock(tau)[:, None, None]\n    x = (1 - t) * noise + t * data\n    "
)


def semigroup(
    held: str = "True",
    landing: str = "x + (u - s) / (1 - s) * (first - x)",
    clock: str = "clock(tau)",
    goal: str = "g * first + (1 - g) * second",
    result: str = "loss",
    told: str = "tau",
    middle: str = "(tau_s + tau_t) / 2",
) -> str:
    """An answer to 07.semigroup, with one part of it done differently."""
    return f"""
def f(student, x, tau_s, tau_t, clock):
    tau_u = {middle}
    s, u, t = ({clock}[:, None, None] for tau in (tau_s, tau_u, tau_t))
    a, b, c = ({told} for tau in (tau_s, tau_u, tau_t))
    with torch.set_grad_enabled(not {held}):
        first = student(x, a, b).softmax(-1)
        second = student({landing}, b, c).softmax(-1)
        g = (1 - t) * (u - s) / ((1 - u) * (t - s))
        goal = {goal}
    log_q = student(x, a, c).log_softmax(-1)
    loss = F.kl_div(log_q, goal, reduction="none").sum(-1).mean()
    return {result}
"""


WRONG: list[tuple[str, str, str]] = [
    # --- 00 ---
    (
        "00.valid",
        "def f(samples, texts): return sum(s in texts for s in samples)",
        "divide by how many samples there are",
    ),
    ("00.valid", "def f(samples, texts): return len(set(samples) & set(texts)) / len(samples)", "valid twice"),
    (
        "00.valid",
        "def f(samples, texts): return sum(t in samples for t in texts) / len(texts)",
        "count samples, not texts",
    ),
    (
        "00.valid",
        "def f(samples, texts): return sum(s in texts for s in samples) / len(texts)",
        "not by the number of texts",
    ),
    ("00.valid", "def f(samples, texts): return 100 * sum(s in texts for s in samples) / len(samples)", "in percent"),
    ("00.valid", "def f(samples, texts): return [s in texts for s in samples]", "has shape (7,), and () is needed"),
    ("00.steps", "def f(shares, target): return next(n for n, s in shares.items() if s >= target)", "not sorted"),
    (
        "00.steps",
        "def f(shares, target): return min(s for s in shares.values() if s >= target)",
        "give the number of steps",
    ),
    ("00.steps", "def f(shares, target): return min(n for n, s in shares.items() if s > target)", "use >="),
    ("00.steps", "def f(shares, target): return max(n for n, s in shares.items() if s < target)", "just before"),
    ("00.steps", "def f(shares, target): return min(shares)", "the smallest number of steps"),
    (
        "00.valid",
        "def f(samples, texts): return sum(any(s in t for t in texts) for s in samples) / len(samples)",
        "a part of a text is not a text",
    ),
    (
        "00.valid",
        "def f(samples, texts): return sum(any(t in s for t in texts) for s in samples) / len(samples)",
        "has a text inside it",
    ),
    (
        "00.valid",
        "def f(samples, texts): return sum(s in ' '.join(texts) for s in samples) / len(samples)",
        "joined together",
    ),
    ("00.valid", "def f(samples, texts): return len(set(samples) & set(texts)) / len(set(samples))", "counts twice"),
    (
        "00.steps",
        "def f(shares, target): return min((n for n in shares if shares[n] >= target), key=shares.get)",
        "the smallest share that reaches",
    ),
    (
        "00.steps",
        "def f(shares, target): return max(n for n in shares if shares[n] >= target)",
        "the most steps that reach the target",
    ),
    ("00.steps", "def f(shares, target): return max(shares, key=shares.get)", "the largest share"),
    (
        "00.steps",
        "def f(shares, target):\n    for n, s in shares.items():\n        if s >= target:\n            found = n\n    return found",
        "the last entry",
    ),
    (
        "00.valid",
        "def f(samples, texts):\n    n = 0\n    for s in samples:\n        n += s in texts\n        return n / len(samples)",
        "inside the loop",
    ),
    ("00.valid", "def f(samples, texts): return sum(s in texts for s in samples) // len(samples)", "// rounds down"),
    # --- 01 ---
    ("01.mix", "def f(noise, data, t): return noise + t[:, None, None] * (noise - data)", "data - noise"),
    ("01.mix", "def f(noise, data, t): return (1 - t.mean()) * noise + t.mean() * data", "the mean of the times"),
    ("01.decode", "def f(states): return states.round().argmax(-1)", "rounding makes ties"),
    ("01.decode", "def f(states): return (states > 0.5).int().argmax(-1)", "are above 0.5"),
    ("01.decode", "def f(states): return (states - 1).abs().argmin(-1)", "nearest to 1"),
    ("01.mix", "def f(noise, data, t): noise *= (1 - t)[:, None, None]; return noise", "changes its argument `noise`"),
    (
        "01.mix",
        "def f(noise, data, t): t = t[:, None, None]; noise.mul_(1 - t).add_(t * data); return noise",
        "changes its argument `noise`",
    ),
    ("01.mix", "def f(noise, data, t): x = (1 - t[:, None, None]) * noise + t[:, None, None] * data", "is missing"),
    (
        "01.average",
        "def f(tokens, p, size): return (p[:, None, None] * torch.nn.functional.one_hot(tokens)).sum(0)",
        "use `vocab_size`",
    ),
    (
        "01.average",
        "def f(tokens, p, size): return (p[:, None, None] * interpolant.one_hot(tokens, size)).sum(1)",
        "average over texts, the first axis",
    ),
    ("01.decode", "def f(states): return states.argmax()", "has shape (), and (3, 2) is needed"),
    ("01.decode", "def f(states): return states.argmax(1)", "has shape (3, 4), and (3, 2) is needed"),
    ("01.decode", "def f(states): return states.argmin(-1)", "the smallest entry"),
    ("01.decode", "def f(states): return states.abs().argmax(-1)", "do not take the absolute value"),
    ("01.decode", "def f(states): return states.max(-1)", "numbers or a tensor are needed"),
    ("01.mix", "def f(noise, data, t): return (1 - t) * noise + t * data", "lines up with the axis of the words"),
    ("01.mix", "def f(noise, data, t): t = t[:, None, None]; return t * noise + (1 - t) * data", "are exchanged"),
    ("01.mix", "def f(noise, data, t): t = t[:, None, None]; return (1 - t) * noise + data", "data has no weight"),
    ("01.mix", "def f(noise, data, t): t = t[:, None, None]; return noise + t * data", "noise has no weight"),
    (
        "01.mix",
        "def f(noise, data, t): t = t[:, None, None]; return (1 - t).sqrt() * noise + t.sqrt() * data",
        "straight line",
    ),
    ("01.mix", "def f(noise, data, t): return (1 - t[0]) * noise + t[0] * data", "time of the first"),
    (
        "01.average",
        "def f(tokens, p, size): return interpolant.one_hot(tokens, size).double().mean(0)",
        "not equally likely",
    ),
    ("01.average", "def f(tokens, p, size): return interpolant.one_hot(tokens, size).double().sum(0)", "this is a sum"),
    (
        "01.average",
        "def f(tokens, p, size): return (p[:, None] * tokens).sum(0)",
        "has shape (2,), and (2, 4) is needed",
    ),
    (
        "01.average",
        "def f(tokens, p, size): return (p * interpolant.one_hot(tokens, size)).sum(0)",
        "line up with the axis of the words",
    ),
    # --- 02 ---
    ("02.denoise", "def f(x, t, p): return (p.log() + t / (1 - t) * x).softmax(-1)", "1 - t is not squared"),
    ("02.denoise", "def f(x, t, p): return (t / (1 - t) ** 2 * x).softmax(-1)", "the prior is missing"),
    ("02.denoise", "def f(x, t, p): return p.log() + t / (1 - t) ** 2 * x", "before they are exponentiated"),
    ("02.denoise", "def f(x, t, p): return p * torch.exp(t / (1 - t) ** 2 * x)", "add up to 1"),
    ("02.denoise", "def f(x, t, p): return (p.log() + t / (1 - t) ** 2 * x).softmax(0)", "over the batch"),
    ("02.denoise", "def f(x, t, p): return (p.log() + t * x).softmax(-1)", "with less noise the same x says more"),
    ("02.denoise", "def f(x, t, p): return (p.log() + x / (1 - t) ** 2).softmax(-1)", "the factor t is missing"),
    ("02.denoise", "def f(x, t, p): return (p + t / (1 - t) ** 2 * x).softmax(-1)", "add its logarithm"),
    ("02.denoise", "def f(x, t, p): return p * (t / (1 - t) ** 2 * x).softmax(-1)", "add up to 1 again"),
    ("02.gradient", "def f(z, y): return (F.one_hot(y, z.shape[-1]) - z.softmax(-1)) / len(z)", "the sign is wrong"),
    ("02.gradient", "def f(z, y): return z.softmax(-1) - F.one_hot(y, z.shape[-1])", "the mean divides by B"),
    ("02.gradient", "def f(z, y): return (z - F.one_hot(y, z.shape[-1])) / len(z)", "their softmax"),
    ("02.gradient", "def f(z, y): return z.softmax(-1) / len(z)", "target is missing"),
    ("02.gradient", "def f(z, y): return F.cross_entropy(z, y)", "has shape (), and (2, 3) is needed"),
    (
        "02.gradient",
        "def f(z, y):\n    q = z.softmax(-1)\n    d = q - F.one_hot(y, 3)\n"
        "    return (q * d - q * (q * d).sum(-1, keepdim=True)) / len(z)",
        "half the squared error",
    ),
    ("02.floor", "def f(p): return (p * p.log()).sum(-1).mean()", "a minus is missing"),
    ("02.floor", "def f(p): return -(p * p.log()).sum(-1).mean()", "holds nan"),
    ("02.floor", "def f(p): return torch.special.entr(p).sum(-1).sum(-1).mean()", "average over the positions too"),
    ("02.floor", "def f(p): return torch.special.entr(p).mean()", "a sum over them"),
    ("02.floor", "def f(p): return -(p * p.clamp_min(1e-30).log2()).sum(-1).mean()", "in bits"),
    ("02.floor", "def f(p): return torch.special.entr(p).sum(-1)", "has shape (2, 2), and () is needed"),
    ("02.floor", "def f(p): return -p.amax(-1).log().mean()", "weighs every word"),
    ("02.gradient", "def f(z, y): return (z.softmax(-1) - F.one_hot(y, z.shape[-1])) / z.numel()", "by B and by V"),
    ("02.gradient", "def f(z, y): return (z.softmax(-1) - F.one_hot(y, z.shape[-1])) / z.shape[-1]", "divides by V"),
    ("02.gradient", "def f(z, y): return (z.softmax(0) - F.one_hot(y, z.shape[-1])) / len(z)", "runs over the batch"),
    ("02.floor", "def f(p): return -(p * p.clamp_min(1e-3).log()).sum(-1).mean()", "small probabilities count too"),
    ("02.floor", "def f(p): return -(p * (p + 1e-3).log()).sum(-1).mean()", "should be"),
    ("02.denoise", "def f(x, t, p): return (p.log() + t / (1 - t) ** 2 * x).log_softmax(-1)", "not log_softmax"),
    ("02.denoise", "def f(x, t, p): return (p.log() + t**2 / (1 - t) ** 2 * x).softmax(-1)", "t is not squared"),
    (
        "02.denoise",
        "def f(x, t, p): return (p.log() - (x - t).square() / (2 * (1 - t) ** 2)).softmax(-1)",
        "over all entries of x",
    ),
    ("02.gradient", "def f(z, y): return (z.sigmoid() - F.one_hot(y, z.shape[-1])) / len(z)", "a sigmoid of its own"),
    # --- 03 ---
    (
        "03.chance",
        "def f(t, size, z): return torch.special.ndtr(t + (1 - t) * z).pow(size - 1).mean()",
        "standard deviation 1 - t",
    ),
    ("03.chance", "def f(t, size, z): return (z + t / (1 - t)).pow(size - 1).mean()", "Phi is missing"),
    (
        "03.chance",
        "def f(t, size, z): return torch.special.ndtr(z * t / (1 - t)).pow(size - 1).mean()",
        "not multiplied",
    ),
    ("03.tau", "def f(error, size): return (1 - error) * size / (size - 1)", "the error alone"),
    ("03.tau", "def f(error, size): return 1 - size / (size + 1) * error", "not V/(V+1)"),
    (
        "03.chance",
        "def f(t, size, z): return torch.special.ndtr(z + t / (1 - t)).pow(size).mean()",
        "the power is V - 1",
    ),
    ("03.chance", "def f(t, size, z): return torch.special.ndtr(z + t).pow(size - 1).mean()", "in units of the noise"),
    (
        "03.chance",
        "def f(t, size, z): return torch.special.ndtr(z.mean() + t / (1 - t)).pow(size - 1)",
        "before the power",
    ),
    ("03.chance", "def f(t, size, z): return torch.special.ndtr(z + t / (1 - t)).mean() ** (size - 1)", "share one z"),
    ("03.chance", "def f(t, size, z): return torch.special.ndtr(z + t / (1 - t)).pow(size - 1)", "and () is needed"),
    (
        "03.chance",
        "def f(t, size, z): return 1 - torch.special.ndtr(z + t / (1 - t)).pow(size - 1).mean()",
        "being wrong",
    ),
    ("03.chance", "def f(t, size, z): return torch.special.ndtr(z - t / (1 - t)).pow(size - 1).mean()", "has a lead"),
    ("03.tau", "def f(error, size): return 1 - error", "tau(0) would be 1/V"),
    ("03.tau", "def f(error, size): return size / (size - 1) * error", "from 1 to 0"),
    ("03.tau", "def f(error, size): return 1 - (size - 1) / size * error", "upside down"),
    ("03.tau", "def f(error, size): return 1 - error / error.max()", "largest error given"),
    ("03.inverse", "def f(tau, wanted): return wanted", "the wanted tau itself"),
    ("03.inverse", "def f(tau, wanted): return tau(wanted)", "this is tau(wanted)"),
    (
        "03.inverse",
        "def f(tau, wanted):\n    low, high = 0.0, 1.0\n    for _ in range(40):\n        middle = (low + high) / 2\n"
        "        if tau(middle) < wanted:\n            high = middle\n"
        "        else:\n            low = middle\n    return middle",
        "the wrong half",
    ),
    (
        "03.inverse",
        "def f(tau, wanted):\n    low, high = 0.0, 1.0\n    for _ in range(4):\n        middle = (low + high) / 2\n"
        "        if tau(middle) < wanted:\n            low = middle\n"
        "        else:\n            high = middle\n    return middle",
        "halve more often",
    ),
    (
        "03.inverse",
        "def f(tau, wanted):\n    low, high = 0.0, 1.0\n    for _ in range(30):\n        middle = (low + high) / 2\n"
        "        if tau(middle) < wanted:\n            low = middle\n"
        "        else:\n            high = middle\n    return tau(middle)",
        "this is tau(middle)",
    ),
    (
        "03.inverse",
        "clock = DecodingErrorSchedule(29)\ndef f(tau, wanted):\n    return clock.t(torch.tensor(wanted))",
        "use the argument `tau`",
    ),
    ("03.inverse", "def f(tau, wanted): return 0.5", "never evaluates `tau`"),
    # --- 04 ---
    (
        "04.loss",
        "def f(network, tokens, noise, tau, clock): return F.cross_entropy(network(noise, tau).flatten(0, 1), tokens.flatten())",
        "the noise alone",
    ),
    (
        "04.loss",
        MIX
        + "x = (1 - tau)[:, None, None] * noise + tau[:, None, None] * data\n    return F.cross_entropy(network(x, tau).flatten(0, 1), tokens.flatten())",
        "mixes with tau itself",
    ),
    (
        "04.loss",
        MIX
        + "x = t * noise + (1 - t) * data\n    return F.cross_entropy(network(x, tau).flatten(0, 1), tokens.flatten())",
        "are exchanged",
    ),
    ("04.loss", MIX + "return F.cross_entropy(network(data, tau).flatten(0, 1), tokens.flatten())", "nothing to guess"),
    (
        "04.loss",
        MIX + "return F.cross_entropy(network(x, clock(tau)).flatten(0, 1), tokens.flatten())",
        "told the mixing time",
    ),
    (
        "04.loss",
        MIX + "return F.cross_entropy(network(x, tau).flatten(0, 1), tokens.flatten(), reduction='sum')",
        "sum over all positions",
    ),
    ("04.loss", MIX + "return -F.cross_entropy(network(x, tau).flatten(0, 1), tokens.flatten())", "the sign is wrong"),
    ("04.loss", MIX + "return (network(x, tau).softmax(-1) - data).square().sum(-1).mean()", "this is squared error"),
    (
        "04.loss",
        MIX + "return F.cross_entropy(network(x, tau).softmax(-1).flatten(0, 1), tokens.flatten())",
        "was given probabilities",
    ),
    (
        "04.loss",
        MIX + "return F.cross_entropy(network(x, tau).flatten(0, 1), tokens.flatten(), reduction='none')",
        "has shape (6,), and () is needed",
    ),
    ("04.stratified", "def f(u): return u", "independent draws"),
    ("04.stratified", "def f(u): return u / len(u)", "fall into the first slice"),
    ("04.stratified", "def f(u): return torch.arange(len(u)) / len(u)", "at the start of its slice"),
    ("04.stratified", "def f(u): return torch.arange(len(u)) + u", "leave [0, 1]"),
    (
        "04.stratified",
        "def f(u): return (torch.arange(len(u)) / len(u) + u).clamp(0, 1)",
        "not scaled",
    ),
    ("04.stratified", "def f(u): n = len(u); return (torch.arange(n) + u) / (n - 1)", "n slices, not n - 1"),
    ("04.stratified", "def f(u): n = len(u); return (torch.arange(n) + u) / (n + 1)", "n slices, not n + 1"),
    ("04.stratified", "def f(u): n = len(u); return (torch.arange(1, n + 1) + u) / n", "count from 0"),
    ("04.stratified", "def f(u): n = len(u); return torch.linspace(0, 1, n) + u / n", "`linspace`"),
    ("04.stratified", "def f(u): n = len(u); return (torch.arange(n) + 0.5) / n", "in the middle of its slice"),
    ("04.stratified", "def f(u): n = len(u); return torch.arange(n) / n + u / n**2", "divided by n twice"),
    ("04.stratified", "def f(u): n = len(u); return torch.arange(n) * u / n", "multiplies slice and draw"),
    ("04.stratified", "def f(u): n = len(u); return (torch.arange(n) / n + u) % 1", "a remainder hides it"),
    ("04.stratified", "def f(u): return u.sort().values", "independent draws"),
    ("04.stratified", "def f(u): return u**2", "each must hold one"),
    (
        "04.ema",
        "def f(weights, decay):\n    a = weights[0]\n    for w in weights[1:]:\n        a *= decay\n        a += (1 - decay) * w\n    return a",
        "changes its argument `weights`",
    ),
    (
        "04.ema",
        "def f(weights, decay):\n    a = weights[0]\n    for w in weights[1:]:\n        a = (1 - decay) * a + decay * w\n    return a",
        "are exchanged",
    ),
    (
        "04.ema",
        "def f(weights, decay):\n    a = 0 * weights[0]\n    for w in weights:\n        a = decay * a + (1 - decay) * w\n    return a",
        "starts at 0",
    ),
    (
        "04.ema",
        "def f(weights, decay):\n    a = weights[0]\n    for w in weights[1:]:\n        a = decay * a + w\n    return a",
        "grows without end",
    ),
    ("04.ema", "def f(weights, decay): return weights.mean(0)", "the plain mean"),
    ("04.ema", "def f(weights, decay): return weights[-1]", "the last weights"),
    # --- 05 ---
    ("05.step", "def f(x, d, s, t): return x + (t - s) * (d - x)", "the rest of the time"),
    ("05.step", "def f(x, d, s, t): return x + (t - s) * (d - x) / (1 - t)", "1 - s, not 1 - t"),
    ("05.step", "def f(x, d, s, t): return (d - x) / (1 - s)", "the velocity itself"),
    ("05.step", "def f(x, d, s, t): return (t - s) * (d - x) / (1 - s)", "add it to x"),
    ("05.step", "def f(x, d, s, t): return x + (t - s) * (x - d) / (1 - s)", "the wrong way"),
    ("05.step", "def f(x, d, s, t): return x + t * (d - x) / (1 - s)", "length of the step is t - s"),
    (
        "04.loss",
        MIX + "return F.cross_entropy(network(x, tau), data)",
        "one-hot vectors as targets",
    ),
    ("04.stratified", "def f(u): n = len(u); return (torch.arange(n) + u.mean()) / n", "the same draw"),
    (
        "04.ema",
        "def f(weights, decay):\n    for w in weights[1:]:\n        a = decay * weights[0] + (1 - decay) * w\n    return a",
        "starts again at the first weights",
    ),
    ("04.ema", "def f(weights, decay): return decay * weights[-2] + (1 - decay) * weights[-1]", "last two steps only"),
    ("05.step", "def f(x, d, s, t): return d", "the posterior itself"),
    ("05.step", "def f(x, d, s, t): return x + (t - s) * d", "not the posterior"),
    ("05.step", "def f(x, d, s, t): return (1 - t) * x + t * d", "as if the step began at time 0"),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s, t in zip(times, times[1:]):\n"
        "        x = x + (t - s) / (1 - s) * denoiser(x, s)\n    return x.argmax(-1)",
        "x is missing",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s, t in zip(times, times[1:]):\n"
        "        x = x + (t - s) / (1 - t + 1e-12) * (denoiser(x, s) - x)\n    return x.argmax(-1)",
        "1 - s, not 1 - t",
    ),
    (
        "05.sample",
        "def f(denoiser, noise, times):\n    x = noise\n    for s, t in zip(times, times[1:]):\n"
        "        x = noise + (t - s) / (1 - s) * (denoiser(x, s) - noise)\n    return x.argmax(-1)",
        "starts again at the noise",
    ),
    ("05.midpoint", "def f(b, x, s, t): return x + (t - s) * b(x + (t - s) / 2 * b(x, s), t)", "already t"),
    ("05.step", "def f(x, d, s, t): r = (t - s) / (1 - s); return r * x + (1 - r) * d", "exchanged"),
    ("05.step", "def f(x, d, s, t): x += (t - s) / (1 - s) * (d - x); return x", "changes its argument `x`"),
    ("05.sample", "def f(denoiser, noise, times): return noise.argmax(-1)", "never evaluated"),
    (
        "05.sample",
        "def f(denoiser, noise, times):\n    x = noise\n    for s, t in zip(times, times[1:]):\n"
        "        x += (t - s) / (1 - s) * (denoiser(x, s) - x)\n    return x.argmax(-1)",
        "changes its argument `noise`",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s, t in zip(times, times[1:]):\n"
        "        x = x + (t - s) / (1 - s) * (denoiser(x, t) - x)\n    return x.argmax(-1)",
        "evaluated at t = 1",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s, t in zip(times[:-1], times[1:-1]):\n"
        "        x = x + (t - s) / (1 - s) * (denoiser(x, s) - x)\n    return x.argmax(-1)",
        "are 3 steps",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s, t in zip(times, times[1:]):\n"
        "        x = x + (t - s) / (1 - s) * (denoiser(x, s) - x)\n    return x",
        "and (3, 2) is needed",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s, t in zip(times, times[1:]):\n        denoiser(x, s)\n    return x.argmax(-1)",
        "the state does not move",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    noise = x\n    for s, t in zip(times, times[1:]):\n"
        "        x = x + (t - s) / (1 - s) * (denoiser(x, s) - x)\n    return noise.argmax(-1)",
        "reads the noise",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s in times[:-1]:\n        x = denoiser(x, s)\n    return x.argmax(-1)",
        "became the posterior",
    ),
    (
        "05.sample",
        "def f(denoiser, x, times):\n    for s, t in zip(times, times[1:]):\n"
        "        x = x + (t - s) * (denoiser(x, s) - x)\n    return x.argmax(-1)",
        "too short",
    ),
    ("05.midpoint", "def f(b, x, s, t): return x + (t - s) * b(x, s)", "Euler's step"),
    (
        "05.midpoint",
        "def f(b, x, s, t):\n    h = (t - s) / 2\n    return x + h * b(x + h * b(x, s), s + h)",
        "the last step has half the length",
    ),
    (
        "05.midpoint",
        "def f(b, x, s, t):\n    h = (t - s) / 2\n    return x + (t - s) * b(x + h * b(x, s), h)",
        "the middle time",
    ),
    ("05.midpoint", "def f(b, x, s, t): return x + (t - s) / 2 * b(x, s)", "the middle state"),
    ("05.midpoint", "def f(b, x, s, t): return x + (t - s) * b(x + (t - s) / 2 * b(x, s), s)", "the time is still s"),
    ("05.midpoint", "def f(b, x, s, t): return x + (t - s) * b(x, (s + t) / 2)", "the state is still x"),
    (
        "05.midpoint",
        "def f(b, x, s, t): return x + (t - s) * b(x + (t - s) * b(x, s), (s + t) / 2)",
        "went the whole way",
    ),
    (
        "05.midpoint",
        "def f(b, x, s, t):\n    m = x + (t - s) / 2 * b(x, s)\n    return m + (t - s) / 2 * b(m, (s + t) / 2)",
        "two Euler steps",
    ),
    (
        "05.midpoint",
        "def f(b, x, s, t):\n    k = b(x, s)\n    return x + (t - s) / 2 * (k + b(x + (t - s) * k, t))",
        "Heun's method",
    ),
    # --- 06 ---
    ("06.denoiser", "def f(x, landing, s, t): return (landing - x) / (t - s)", "the average velocity"),
    ("06.denoiser", "def f(x, landing, s, t): return (1 - s) * (landing - x) / (t - s)", "add x"),
    ("06.denoiser", "def f(x, landing, s, t): return x + (1 - t) * (landing - x) / (t - s)", "1 - s, not 1 - t"),
    ("06.denoiser", "def f(x, landing, s, t): return landing + (1 - s) * (landing - x) / (t - s)", "start at x"),
    ("06.denoiser", "def f(x, landing, s, t): return x + (1 - s) * (landing - x)", "the time it took"),
    ("06.denoiser", "def f(x, landing, s, t): return x + (landing - x) / (t - s)", "a whole unit of time"),
    ("06.weight", "def f(s, u, t): return (u - s) / (t - s)", "share of the time"),
    ("06.weight", "def f(s, u, t): return 1 - (1 - t) * (u - s) / ((1 - u) * (t - s))", "weight of the second jump"),
    ("06.weight", "def f(s, u, t): return (1 - u) * (u - s) / ((1 - t) * (t - s))", "upside down"),
    ("06.weight", "def f(s, u, t): return (u - s) / (1 - s)", "fraction of the way to the end"),
    ("06.denoiser", "def f(x, landing, s, t): return landing + t * (landing - x) / (t - s)", "landed at t already"),
    ("06.denoiser", "def f(x, landing, s, t): return x + (1 - s) * (x - landing) / (t - s)", "from x to landing"),
    ("06.denoiser", "def f(x, landing, s, t): return x + (1 - s) * (landing - x) / t", "t - s, not t"),
    (
        "06.denoiser",
        "def f(x, landing, s, t): return x + (t - s) / (1 - s) * (landing - x)",
        "divide by the time it took",
    ),
    ("06.weight", "def f(s, u, t): return (t - u) / (1 - u)", "second jump's fraction"),
    ("06.weight", "def f(s, u, t): return (1 - t) / (1 - u)", "(u - s)/(t - s) is missing"),
    ("06.weight", "def f(s, u, t): return (1 - t) * (t - u) / ((1 - u) * (t - s))", "t - u where u - s belongs"),
    ("06.weight", "def f(s, u, t): return (1 - t) * (u - s) / ((1 - s) * (t - s))", "in the place of 1 - u"),
    ("06.weight", "def f(s, u, t): return (1 - t) * (u - s) / (1 - u) * (t - s)", "put it in brackets"),
    ("06.weight", "def f(s, u, t): return s * u * t", "and should be"),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    m = x + (u - s) / (1 - s) * (a - x)\n    return (1 - t) * (u - s) / ((1 - u) * (t - s)) * a + (1 - (1 - t) * (u - s) / ((1 - u) * (t - s))) * delta(x, u, t)",
        "starts at x",
    ),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    m = x + (u - s) / (1 - s) * (a - x)\n    return (1 - t) * (u - s) / ((1 - u) * (t - s)) * a + (1 - (1 - t) * (u - s) / ((1 - u) * (t - s))) * delta(a, u, t)",
        "the first one's two-time denoiser",
    ),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    m = x + (u - s) / (1 - s) * (a - x)\n    return (1 - (1 - t) * (u - s) / ((1 - u) * (t - s))) * a + (1 - t) * (u - s) / ((1 - u) * (t - s)) * delta(m, u, t)",
        "exchanged",
    ),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    m = x + (u - s) / (1 - s) * (a - x)\n    return (a + delta(m, u, t)) / 2",
        "both jumps count the same",
    ),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    m = x + (u - s) / (1 - s) * (a - x)\n    return delta(m, u, t)",
        "the second two-time denoiser alone",
    ),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    m = x + (u - s) / (1 - s) * (a - x)\n    return m + (t - u) / (1 - u) * (delta(m, u, t) - m)",
        "where the second jump lands",
    ),
    ("06.compose", "def f(delta, x, s, u, t): return delta(x, s, t)", "the two jumps are from"),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    return delta(x + (u - s) * (a - x), u, t)",
        "the first jump is too short",
    ),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a = delta(x, s, u)\n    return delta(x + (u - s) / (t - s) * (a - x), u, t)",
        "counts to time 1",
    ),
    (
        "06.compose",
        "def f(delta, x, s, u, t):\n    a, r = delta(x, s, u), (u - s) / (t - s)\n    return r * a + (1 - r) * delta(x + (u - s) / (1 - s) * (a - x), u, t)",
        "not the share of the time",
    ),
    # --- 07 ---
    ("07.jumps", "def f(length, u): return torch.stack([u, u + length / 2, u + length])", "runs past 1"),
    (
        "07.jumps",
        "def f(length, u): return torch.stack([1 - length, 1 - length / 2, torch.ones_like(u)])",
        "all jumps end at 1",
    ),
    ("07.jumps", "def f(length, u): return torch.stack([u * length, length, 0 * u + 1])", "spread u over 1 - d"),
    (
        "07.jumps",
        "def f(length, u):\n    s = u * (1 - length)\n    return torch.stack([s, length / 2, s + length])",
        "count it from the start",
    ),
    (
        "07.jumps",
        "def f(length, u):\n    s = u * (1 - length)\n    return torch.stack([s, (s + length) / 2, s + length])",
        "half the end",
    ),
    (
        "07.jumps",
        "def f(length, u):\n    s = u * (1 - length)\n    return torch.stack([s, s + length, s + length / 2])",
        "the second row is the end",
    ),
    (
        "07.jumps",
        "def f(length, u):\n    s = u * (1 - length)\n    return torch.stack([s, s + length / 2, s + length], 1)",
        "has shape (4, 3), and (3, 4) is needed",
    ),
    ("07.divergence", "def f(p, log_q): return -(p * log_q).sum(-1).mean()", "this is the cross-entropy"),
    ("07.divergence", "def f(p, log_q): return (p * (p.log() - log_q)).sum(-1).mean()", "holds nan"),
    ("07.divergence", "def f(p, log_q): return -(torch.xlogy(p, p) - p * log_q).sum(-1).mean()", "the sign is turned"),
    ("07.divergence", "def f(p, log_q): return F.kl_div(log_q, p)", "over the words too"),
    ("07.divergence", "def f(p, log_q): return F.kl_div(log_q, p, reduction='batchmean')", "sums over the positions"),
    ("07.divergence", "def f(p, log_q): return (torch.xlogy(p, p) - p * log_q).sum()", "sums over everything"),
    (
        "07.divergence",
        "def f(p, log_q): return (log_q.exp() * (log_q - p.clamp_min(1e-30).log())).sum(-1).mean()",
        "roles are exchanged",
    ),
    ("07.semigroup", semigroup(held="False"), "goes through the target"),
    ("07.semigroup", semigroup(landing="x"), "starts at x"),
    ("07.semigroup", semigroup(landing="first"), "the first half's two-time denoiser"),
    ("07.semigroup", semigroup(clock="tau"), "counted in mixing times"),
    ("07.semigroup", semigroup(landing="x + ((s + t) / 2 - s) / (1 - s) * (first - x)"), "halfway between s and t"),
    ("07.semigroup", semigroup(result="F.kl_div(log_q, goal)"), "averages over the words"),
    ("07.semigroup", semigroup(result="F.kl_div(log_q, goal, reduction='batchmean')"), "sums over the positions"),
    ("07.semigroup", semigroup(goal="(1 - g) * first + g * second"), "are exchanged"),
    ("07.semigroup", semigroup(goal="(first + second) / 2"), "count the same here"),
    ("07.semigroup", semigroup(goal="second"), "two-time denoiser alone"),
    ("07.semigroup", semigroup(result="-(goal * log_q).sum(-1).mean()"), "own entropy"),
    ("07.semigroup", semigroup(result="(log_q.exp() * (log_q - goal.log())).sum(-1).mean()"), "KL(target || student)"),
    ("07.semigroup", semigroup(result="loss.detach()"), "has no gradient"),
    ("07.semigroup", semigroup(told="clock(tau)"), "not mixing times t"),
    ("07.semigroup", semigroup(middle="tau_s"), "u is the midpoint in tau"),
    (
        "07.divergence",
        "def f(p, log_q): return (log_q.exp() * (log_q - p.log())).sum(-1).mean()",
        "the result is infinite",
    ),
    ("08.steps", "def f(n): return 100 * (1 - 1 / (2 * n))", "not in percent"),
    ("08.steps", "def f(n): return 1 / n + (1 - 1 / n) / 2", "cannot always end well"),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    seen = set(pairs(corpus))\n    return sum(p in seen for p in pairs(samples)) / len(seen)",
        "not by that of the corpus's different pairs",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    return sum(p in pairs(corpus) for p in pairs(samples)) / len(pairs(corpus))",
        "not by that of the corpus's pairs",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    asked = pairs(corpus)\n    return sum(p in set(pairs(samples)) for p in asked) / len(asked)",
        "the roles are exchanged",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    return sum(p in pairs(corpus) for p in pairs(samples)) / len(' '.join(samples).split())",
        "one pair fewer than words",
    ),
    # --- 08 ---
    ("08.product", "def f(joint): return joint", "the language itself"),
    ("08.product", "def f(joint): return joint.sum(0)[:, None] * joint.sum(1)", "the positions are exchanged"),
    ("08.product", "def f(joint): return joint.sum(1)[:, None] * joint.sum(1)", "marginal of the first position"),
    ("08.product", "def f(joint): return joint.sum(0)[:, None] * joint.sum(0)", "marginal of the second position"),
    ("08.product", "def f(joint): return joint * joint", "adds up to 0.3"),
    ("08.product", "def f(joint): return joint.sum(1) * joint.sum(0)", "has shape (3,), and (3, 3) is needed"),
    ("08.steps", "def f(n): return 1 - 1 / n", "always drawn at once"),
    ("08.steps", "def f(n): return 1 / (2 * n)", "do not exist"),
    ("08.steps", "def f(n): return 1 - 0.5**n", "is 1/n"),
    ("08.steps", "def f(n): return 1 - 1 / (2 * n**2)", "there are n steps"),
    ("08.steps", "def f(n): return 1.0", "cannot always end well"),
    ("08.valid", "def f(tokens, m): return sum(m[range(3), t].sum() for t in tokens)", "not added"),
    ("08.valid", "def f(tokens, m): return sum(m[range(3), t].prod() for t in tokens) / len(tokens)", "not averaged"),
    ("08.valid", "def f(tokens, m): return sum(m[range(3), t] for t in tokens).prod()", "along the text first"),
    ("08.valid", "def f(tokens, m): return m[range(3), tokens[0]].prod()", "every text"),
    ("08.valid", "def f(tokens, m): return m[torch.arange(3), tokens].prod()", "over the texts too"),
    ("08.valid", "def f(tokens, m): return m[tokens, torch.arange(3)].prod(-1).sum()", "marginals[position, word]"),
    ("08.valid", "def f(tokens, m): return 1 - sum(m[range(3), t].prod() for t in tokens)", "no text comes out"),
    # --- 09 ---
    (
        "09.distance",
        "def f(c, bad, p): return (c / (c.sum() + bad) - p).abs().sum() / 2",
        "invalid samples are missing",
    ),
    ("09.distance", "def f(c, bad, p): return (c / c.sum() - p).abs().sum() / 2", "belong to the samples"),
    (
        "09.distance",
        "def f(c, bad, p): n = c.sum() + bad; return (c / n - p).abs().sum() + bad / n",
        "the half is missing",
    ),
    (
        "09.distance",
        "def f(c, bad, p): return ((c / (c.sum() + bad) - p).abs().sum() + bad) / 2",
        "by that of all samples",
    ),
    (
        "09.distance",
        "def f(c, bad, p): n = c.sum() + bad; return (c / n - p).abs().sum() / 2 + bad / n",
        "count half",
    ),
    (
        "09.distance",
        "def f(c, bad, p): n = c.sum() + bad; return ((c / n - p).square().sum() + (bad / n) ** 2) / 2",
        "not its square",
    ),
    ("09.distance", "def f(c, bad, p): n = c.sum() + bad; return ((c / n - p).sum() + bad / n) / 2", "cancel"),
    ("09.temper", "def f(p, heat): return p ** (1 / heat)", "do not add up to 1"),
    ("09.temper", "def f(p, heat): q = p**heat; return q / q.sum(-1, keepdim=True)", "must sharpen"),
    ("09.temper", "def f(p, heat): q = p / heat; return q / q.sum(-1, keepdim=True)", "changes nothing"),
    ("09.temper", "def f(p, heat): return (p / heat).softmax(-1)", "T divides their logarithms"),
    ("09.temper", "def f(p, heat): q = p ** (1 / heat); return q / q.sum()", "on its own"),
    ("09.temper", "def f(p, heat): q = p ** (1 / heat); return q / q.sum(0)", "sum along the words"),
    ("09.temper", "def f(p, heat): return p / heat", "the rows add up to"),
    (
        "09.front",
        "def f(s, q): return ~((s[:, None] <= s) & (q[:, None] >= q)).any(0)",
        "strictly better in one",
    ),
    ("09.front", "def f(s, q): return ~((s[:, None] < s) & (q[:, None] > q)).any(0)", "may be a tie"),
    ("09.front", "def f(s, q): return ((s[:, None] < s) & (q[:, None] > q)).any(0)", "that are beaten"),
    ("09.front", "def f(s, q): return ~((s[:, None] > s) & (q[:, None] > q)).any(0)", "fewer seconds are better"),
    (
        "09.front",
        "def f(s, q): return ~((s[:, None] <= s) & (q[:, None] >= q) & ((s[:, None] < s) | (q[:, None] > q))).any(1)",
        "the other axis",
    ),
    (
        "09.front",
        "def f(s, q): return [not any(j != i and s[j] <= s[i] and q[j] >= q[i] for j in range(len(s))) for i in range(len(s))]",
        "neither is strictly better",
    ),
    ("09.front", "def f(s, q): return q == q.max()", "best quality only"),
    ("09.front", "def f(s, q): return s == s.min()", "fastest only"),
    # --- 10 ---
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    seen = set(pairs(corpus))\n    return sum(p in seen for p in pairs(samples))",
        "divide by how many there are",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    seen = {w for t in corpus for w in t.split()}\n    words = [w for t in samples for w in t.split()]\n    return sum(w in seen for w in words) / len(words)",
        "counts single words",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: {p for t in ts for p in zip(t.split(), t.split()[1:])}\n    asked = pairs(samples)\n    return len(asked & pairs(corpus)) / len(asked)",
        "different pairs",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: list(zip(' '.join(ts).split(), ' '.join(ts).split()[1:]))\n    seen = {p for t in corpus for p in zip(t.split(), t.split()[1:])}\n    asked = pairs(samples)\n    return sum(p in seen for p in asked) / len(asked)",
        "do not reach from one text",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [frozenset(p) for t in ts for p in zip(t.split(), t.split()[1:])]\n    seen = set(pairs(corpus))\n    asked = pairs(samples)\n    return sum(p in seen for p in asked) / len(asked)",
        "the order matters",
    ),
    ("10.pack", "def f(texts, end, n): return [t[:n] + [end] * (n - len(t)) for t in texts]", "row of its own"),
    (
        "10.pack",
        "def f(texts, end, n): s = [k for t in texts for k in [*t, end]]; return [s[i : i + n] for i in range(0, len(s), n)]",
        "fills no row, and is dropped",
    ),
    (
        "10.pack",
        "def f(texts, end, n): s = [k for t in texts for k in [*t, end]]; s += [end] * (-len(s) % n); return torch.tensor(s).reshape(-1, n)",
        "fills no row, and is dropped",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    asked = [p for t in samples for p in zip(t.split(), t.split()[1:])]\n    return sum(any(' '.join(p) in t for t in corpus) for p in asked) / len(asked)",
        "whole words, not letters",
    ),
    (
        "10.pack",
        "def f(texts, end, n): s = [k for t in texts for k in t]; return [(s + [0] * 9)[i * n : i * n + n] for i in range(3)]",
        "the end tokens are missing",
    ),
    (
        "10.pack",
        "def f(texts, end, n): s = [k for t in texts for k in [end, *t]]; return torch.tensor(s[: len(s) // n * n]).reshape(-1, n)",
        "here it begins one",
    ),
    (
        "10.pack",
        "def f(texts, end, n): s = [k for t in texts for k in [*t, end]]; return torch.tensor(s[: len(s) // n * n]).reshape(n, -1).T",
        "read downwards",
    ),
    (
        "10.pack",
        "def f(texts, end, n): s = [k for t in texts for k in [*t, end]]; return torch.tensor(s[: (len(s) - 1) // n * n]).reshape(-1, n)",
        "fill three rows of 4",
    ),
    ("10.memory", "def f(v, n, gb, each, tables): return gb * 10**9 // (v * n * each)", "for one table"),
    ("10.memory", "def f(v, n, gb, each, tables): return round(gb * 10**9 / (v * n * each * tables))", "round down"),
    ("10.memory", "def f(v, n, gb, each, tables): return gb * 10**9 / (v * n * each * tables)", "round down"),
    (
        "10.memory",
        "def f(v, n, gb, each, tables): return -(-gb * 10**9 // (v * n * each * tables))",
        "last text does not",
    ),
    ("10.memory", "def f(v, n, gb, each, tables): return gb * 10**9 // (v * n * tables)", "takes several bytes"),
    ("10.memory", "def f(v, n, gb, each, tables): return gb * 2**30 // (v * n * each * tables)", "not 2^30"),
    ("10.memory", "def f(v, n, gb, each, tables): return gb * 10**9 // ((v + n) * each * tables)", "and do not add"),
    # --- one for each diagnosis that no answer above is given ---
    ("00.valid", "def f(samples, texts): return sum(s not in texts for s in samples) / len(samples)", "share of wrong"),
    ("00.steps", "def f(shares, target): return sum(s >= target for s in shares.values())", "counts the entries"),
    ("01.decode", "def f(states): return (states > 0).int().argmax(-1)", "the first positive entry"),
    ("02.denoise", "def f(x, t, p): return (p * x * t / (1 - t) ** 2).softmax(-1)", "multiplied by the prior"),
    ("02.floor", "def f(p): return torch.special.entr(p).sum()", "the sum over the batch"),
    ("03.chance", "def f(t, n, z): return torch.special.ndtr(z + (1 - t) / t).pow(n - 1).mean()", "must grow with t"),
    (
        "04.loss",
        MIX + "return F.cross_entropy(network(x, tau).transpose(1, 2), tokens, reduction='none').sum(-1).mean()",
        "the sum over the positions",
    ),
    ("04.stratified", "def f(u): return torch.linspace(0, 1, len(u))", "middles or ends of fixed slices"),
    ("04.stratified", "def f(u): return (torch.arange(len(u)) + u[0]) / len(u)", "the draw of the first"),
    (
        "04.ema",
        "def f(weights, decay):\n    a = weights[-1]\n    for w in weights[:-1].flip(0):\n        a = decay * a + (1 - decay) * w\n    return a",
        "the order is reversed",
    ),
    ("05.step", "def f(x, d, s, t): return x + (d - x) / (1 - s)", "the whole unit of time"),
    (
        "05.midpoint",
        "def f(b, x, s, t):\n    m = x + (t - s) / 2 * b(x, s)\n    return m + (t - s) * b(m, (s + t) / 2)",
        "this one starts at the middle",
    ),
    (
        "05.midpoint",
        "def f(b, x, s, t): return (t - s) * b(x + (t - s) / 2 * b(x, s), (s + t) / 2)",
        "this is the change of x",
    ),
    ("05.midpoint", "def f(b, x, s, t): return b(x + (t - s) / 2 * b(x, s), (s + t) / 2)", "the velocity halfway"),
    ("06.weight", "def f(s, u, t): return ((1 - t) / (1 - u)) ** 2 * (u - s) / (t - s)", "squared here"),
    ("07.jumps", "def f(d, u): return torch.stack([0 * d, d / 2, d])", "all jumps start at 0"),
    (
        "07.semigroup",
        semigroup(
            goal="(lambda h: h * first + (1 - h) * second)(((1 - c) * (b - a) / ((1 - b) * (c - a)))[:, None, None])"
        ),
        "the weight g is counted in mixing times",
    ),
    ("08.product", "def f(joint): return torch.full_like(joint, 1 / joint.numel())", "every word equally likely"),
    ("08.steps", "def f(n): return 0.5 if n == 1 else 1 - 1 / n", "even then half of the cities exist"),
    (
        "09.distance",
        "def f(c, bad, p): return ((c / c.sum() - p).abs().sum() + bad / (c.sum() + bad)) / 2",
        "the invalid ones among them",
    ),
    ("09.front", "def f(s, q): return torch.ones(len(s))", "nobody is left out"),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    seen = set(pairs(corpus))\n    return sum(all(p in seen for p in pairs([t])) for t in samples) / len(samples)",
        "the share of whole texts",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    seen = set(pairs(corpus))\n    return sum(sum(p in seen for p in pairs([t])) / len(pairs([t])) for t in samples) / len(samples)",
        "the average over the texts",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    asked = set(pairs(corpus))\n    return len(asked & set(pairs(samples))) / len(asked)",
        "the corpus's different pairs that the samples hold",
    ),
    (
        "10.pairs",
        "def f(samples, corpus):\n    pairs = lambda ts: [p for t in ts for p in zip(t.split(), t.split()[1:])]\n    asked = pairs(samples)\n    return sum(p not in pairs(corpus) for p in asked) / len(asked)",
        "the share of unknown pairs",
    ),
    # --- 11 ---
    ("11.count", "def f(edges): return torch.tensor([len(e.source) for e in edges]).prod()", "only from its own state"),
    ("11.count", "def f(edges): return sum(len(e.source) for e in edges)", "the number of edges"),
    ("11.count", "def f(edges): return 1 + sum(e.after for e in edges)", "the number of states"),
    (
        "11.count",
        "def f(edges):\n    ways = [1]\n    for e in edges:\n        after = [0] * e.after\n"
        "        for s, t in zip(e.source, e.target):\n            after[t] = ways[s]\n        ways = after\n    return sum(ways)",
        "assigning keeps the last only",
    ),
    ("11.forward", "def f(b, e, v): return b[e.source] * e.chance * v[e.token]", "a number for each edge"),
    (
        "11.forward",
        "def f(b, e, v): return torch.zeros(e.after).double().index_add(0, e.target, b[e.source] * e.chance)",
        "the evidence is missing",
    ),
    (
        "11.forward",
        "def f(b, e, v): return torch.zeros(e.after).double().index_add(0, e.target, b[e.source] * v[e.token])",
        "the word after the state is missing",
    ),
    (
        "11.forward",
        "def f(b, e, v): return torch.zeros(e.after).double().index_add(0, e.target, e.chance * v[e.token])",
        "that the edge comes from is missing",
    ),
    (
        "11.forward",
        "def f(b, e, v):\n    after = torch.zeros(e.after).double()\n"
        "    for s, w, t, p in zip(e.source, e.token, e.target, e.chance): after[t] = b[s] * p * v[w]\n    return after",
        "assigning keeps the last only",
    ),
    (
        "11.forward",
        "def f(b, e, v):\n    w = b[e.source] * e.chance * v[e.token]\n"
        "    return torch.zeros(e.after).double().scatter_reduce(0, e.target, w, 'amax')",
        "the best way to a state",
    ),
    (
        "11.forward",
        "def f(b, e, v):\n    w = b[e.source] * e.chance * v[e.token]\n"
        "    return torch.zeros(len(b)).double().index_add(0, e.source, w)",
        "are their targets",
    ),
    (
        "11.forward",
        "def f(b, e, v):\n    w = b[e.source] * e.chance * v[e.token]\n"
        "    after = torch.zeros(2).double().index_add(0, e.target, w)\n    return after if e.after == 2 else torch.zeros(1)",
        "as many weights as states",
    ),
    ("11.seen", "def f(tokens, s): return s.sum()", "a share is at most 1"),
    ("11.seen", "def f(tokens, s): return (-s).exp().sum()", "count it once"),
    ("11.seen", "def f(tokens, s): return (-s).exp().mean()", "added, not averaged"),
    ("11.seen", "def f(tokens, s): return (-s[[0, 1, 3]]).exp().mean()", "averaged over the distinct texts"),
    ("11.seen", "def f(tokens, s): return len(tokens.unique(dim=0)) / len(tokens)", "likely texts come more often"),
    # --- 12 ---
    (
        "12.hold",
        "def f(x, t, noise, given): return torch.where((given >= 0)[:, None], one_hot(given.clamp_min(0), 4, torch.float64), x)",
        "as clean as at the end",
    ),
    (
        "12.hold",
        "def f(x, t, noise, given):\n    t = t[:, None, None]\n    w = one_hot(given.clamp_min(0), 4, torch.float64)\n"
        "    return torch.where((given >= 0)[:, None], (1 - t) * w + t * noise, x)",
        "exchanged",
    ),
    (
        "12.hold",
        "def f(x, t, noise, given):\n    t = t[:, None, None]\n    w = one_hot(given.clamp_min(0), 4, torch.float64)\n"
        "    return torch.where((given >= 0)[:, None], t * w + (1 - t) * x, x)",
        "mixed with the noise that its place began with",
    ),
    (
        "12.hold",
        "def f(x, t, noise, given):\n    t = t[:, None, None]\n    w = one_hot(given.clamp_min(0), 4, torch.float64)\n"
        "    return torch.where((given >= 0)[:, None], t * w, x)",
        "(1 - t) noise is missing",
    ),
    ("12.hold", "def f(x, t, noise, given): return x", "nothing was held"),
    (
        "12.hold",
        "def f(x, t, noise, given):\n    t = t[:, None, None]\n    w = one_hot(given.clamp_min(0), 4, torch.float64)\n"
        "    return t * w + (1 - t) * noise",
        "free places were changed too",
    ),
    (
        "12.hold",
        "def f(x, t, noise, given):\n    t = t[:, None, None]\n    w = one_hot(given.clamp_min(0), 4, torch.float64)\n"
        "    return torch.where((given < 0)[:, None], t * w + (1 - t) * noise, x)",
        "leaves the given ones",
    ),
    ("12.sharpen", "def f(p, T): return p ** (1 / T)", "divided by their sum"),
    ("12.sharpen", "def f(p, T): return p**T / (p**T).sum(-1, keepdim=True)", "colder is sharper"),
    ("12.sharpen", "def f(p, T): return (p / T).softmax(-1)", "softmax takes logarithms"),
    ("12.sharpen", "def f(p, T): return p ** (1 / T) / (p ** (1 / T)).sum()", "along the last dimension"),
    ("12.surprise", "def f(e, d): return (e / d).mean()", "half in front"),
    ("12.surprise", "def f(e, d): return (e * d).mean() / 2", "counts for one over it"),
    ("12.surprise", "def f(e, d): return e.mean() / 2", "density of the draws is missing"),
    ("12.surprise", "def f(e, d): return (e / d).sum() / 2", "a mean, not a sum"),
    ("12.surprise", "def f(e, d): return e.mean() / d.mean() / 2", "its own density"),
    # --- 13 ---
    (
        "13.reliability",
        "def f(c, r, e):\n    which = torch.bucketize(c, e[1:-1], right=True)\n    n = torch.bincount(which, minlength=len(e) - 1)\n    hits = torch.bincount(which, weights=r.double(), minlength=len(e) - 1)\n"
        "    return torch.bincount(which, weights=c, minlength=len(e) - 1) / n",
        "mean confidence of each bin",
    ),
    (
        "13.reliability",
        "def f(c, r, e):\n    which = torch.bucketize(c, e[1:-1], right=True)\n    n = torch.bincount(which, minlength=len(e) - 1)\n    hits = torch.bincount(which, weights=r.double(), minlength=len(e) - 1)\n    return hits",
        "this counts those that were right",
    ),
    (
        "13.reliability",
        "def f(c, r, e):\n    which = torch.bucketize(c, e[1:-1], right=True)\n    n = torch.bincount(which, minlength=len(e) - 1)\n    hits = torch.bincount(which, weights=r.double(), minlength=len(e) - 1)\n    return hits / len(c)",
        "not by all",
    ),
    (
        "13.reliability",
        "def f(c, r, e):\n    which = torch.bucketize(c, e[1:-1], right=True)\n    n = torch.bincount(which, minlength=len(e) - 1)\n    hits = torch.bincount(which, weights=r.double(), minlength=len(e) - 1)\n    return 1 - hits / n",
        "the share that was wrong",
    ),
    (
        "13.reliability",
        "def f(c, r, e):\n    which = torch.bucketize(c, e[1:-1], right=True)\n    n = torch.bincount(which, minlength=len(e) - 1)\n    hits = torch.bincount(which, weights=r.double(), minlength=len(e) - 1)\n    return hits / n",
        "nan",
    ),
    ("13.keep", "def f(c, k, r, sure): return ~k & (c >= sure)", "at least a fair share"),
    (
        "13.keep",
        "def f(c, k, r, sure):\n    score = c.masked_fill(k, -1)\n    rank = score.argsort(-1, descending=True).argsort(-1)\n    share = ((~k).sum(-1, keepdim=True) / r).ceil()\n    return k | (c >= sure) | (rank < share)",
        "kept again",
    ),
    (
        "13.keep",
        "def f(c, k, r, sure):\n    rank = c.argsort(-1, descending=True).argsort(-1)\n"
        "    share = ((~k).sum(-1, keepdim=True) / r).ceil()\n    return ~k & ((c >= sure) | (rank < share))",
        "rank the free words only",
    ),
    (
        "13.keep",
        "def f(c, k, r, sure):\n    rank = c.masked_fill(k, 2).argsort(-1).argsort(-1)\n"
        "    share = ((~k).sum(-1, keepdim=True) / r).ceil()\n    return ~k & (rank < share)",
        "the surest come first",
    ),
    (
        "13.keep",
        "def f(c, k, r, sure):\n    score = c.masked_fill(k, -1)\n    rank = score.argsort(-1, descending=True).argsort(-1)\n    share = ((~k).sum(-1, keepdim=True) / r).ceil()\n    return ~k & ((c >= sure) | (rank < (share if r > 1 else share - 1)))",
        "in the last round every free word",
    ),
    (
        "13.keep",
        "def f(c, k, r, sure):\n    score = c.masked_fill(k, -1)\n    rank = score.argsort(-1, descending=True).argsort(-1)\n    share = ((~k).sum(-1, keepdim=True) / r).ceil()\n    return ~k & (rank < share)",
        "all are kept at once",
    ),
]
