"""One-way constraints with strengths, planned incrementally: many small objects, virtual calls, lists."""
N = 110

REQUIRED, STRONG, NORMAL, WEAK, WEAKEST = range(5)


class Variable:
    def __init__(self, value):
        self.value = value
        self.constraints = []
        self.source = None
        self.strength = WEAKEST
        self.mark = 0
        self.stay = True


class Constraint:
    def __init__(self, strength):
        self.strength = strength
        self.output = None

    def variables(self):
        raise NotImplementedError

    def inputs(self):
        return [v for v in self.variables() if v is not self.output]

    def possible_outputs(self):
        return self.variables()

    def choose(self, mark):
        """Pick the weakest output that is not settled yet and gives way to this constraint."""
        best = None
        for variable in self.possible_outputs():
            if variable.mark != mark and variable.strength > self.strength:
                if best is None or variable.strength > best.strength:
                    best = variable
        self.output = best
        return best is not None

    def compute(self):
        raise NotImplementedError


class Stay(Constraint):
    def __init__(self, variable, strength):
        super().__init__(strength)
        self.variable = variable

    def variables(self):
        return [self.variable]

    def compute(self):
        pass


class Edit(Stay):
    pass


class Equal(Constraint):
    def __init__(self, a, b, strength):
        super().__init__(strength)
        self.a, self.b = a, b

    def variables(self):
        return [self.a, self.b]

    def compute(self):
        if self.output is self.a:
            self.a.value = self.b.value
        else:
            self.b.value = self.a.value


class Scale(Equal):
    """b = a * factor + offset"""

    def __init__(self, a, factor, offset, b, strength):
        super().__init__(a, b, strength)
        self.factor, self.offset = factor, offset

    def variables(self):
        return [self.a, self.factor, self.offset, self.b]

    def possible_outputs(self):
        return [self.a, self.b]

    def compute(self):
        if self.output is self.a:
            self.a.value = (self.b.value - self.offset.value) // self.factor.value
        else:
            self.b.value = self.a.value * self.factor.value + self.offset.value


class Planner:
    def __init__(self):
        self.mark = 0

    def add(self, constraint):
        for variable in constraint.variables():
            variable.constraints.append(constraint)
        self.mark += 1
        displaced = constraint
        while displaced is not None:
            displaced = self.satisfy(displaced)

    def satisfy(self, constraint):
        if not constraint.choose(self.mark):
            return None
        output = constraint.output
        displaced = output.source
        if displaced is not None:
            displaced.output = None
        output.source = constraint
        output.mark = self.mark
        self.propagate(constraint)
        return displaced

    def propagate(self, constraint):
        waiting = [constraint]
        while waiting:
            current = waiting.pop()
            output = current.output
            strength = current.strength
            stay = True
            for variable in current.inputs():
                if variable.strength > strength:
                    strength = variable.strength
                stay = stay and variable.stay
            output.strength = strength
            output.stay = stay and not isinstance(current, Edit)
            current.compute()
            for follower in output.constraints:
                if follower is not current and follower.output is not None and follower.output is not output:
                    waiting.append(follower)

    def remove(self, constraint):
        for variable in constraint.variables():
            variable.constraints.remove(constraint)
        output = constraint.output
        if output is None:
            return
        constraint.output = None
        output.source = None
        output.strength = WEAKEST
        for other in sorted((c for c in output.constraints if c.output is None), key=lambda c: c.strength):
            self.mark += 1
            self.satisfy(other)

    def plan(self, edit):
        """The constraints to compute, in order, after the edited variable changed."""
        order, waiting, seen = [], [edit.output], {id(edit.output)}
        while waiting:
            variable = waiting.pop(0)
            for constraint in variable.constraints:
                output = constraint.output
                if output is not None and output is not variable and id(output) not in seen:
                    seen.add(id(output))
                    order.append(constraint)
                    waiting.append(output)
        return order


def chain(length, values):
    planner = Planner()
    variables = [Variable(0) for _ in range(length)]
    for a, b in zip(variables, variables[1:]):
        planner.add(Equal(a, b, REQUIRED))
    planner.add(Stay(variables[-1], WEAK))
    edit = Edit(variables[0], STRONG)
    planner.add(edit)
    plan = planner.plan(edit)
    total = 0
    for value in range(values):
        variables[0].value = value
        for constraint in plan:
            constraint.compute()
        total += variables[-1].value
    planner.remove(edit)
    return total


def projection(length):
    planner = Planner()
    factor, offset = Variable(10), Variable(1000)
    pairs = []
    for i in range(length):
        source, target = Variable(i), Variable(0)
        planner.add(Stay(source, NORMAL))
        planner.add(Scale(source, factor, offset, target, REQUIRED))
        pairs.append((source, target))
    total = 0
    for variable, value in ((factor, 5), (offset, 2000), (pairs[0][0], 17)):
        edit = Edit(variable, STRONG)
        planner.add(edit)
        variable.value = value
        for constraint in planner.plan(edit):
            constraint.compute()
        planner.remove(edit)
        total += sum(target.value for _, target in pairs)
    return total


def run(n):
    return chain(4 * n, n), projection(2 * n)
