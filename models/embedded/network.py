"""convscope's InceptionV3 graph in PyTorch, with every channel count multiplied by a width.

Tensor names are torchvision's (there is no auxiliary classifier); channel counts are rounded as
src/model/inception_v3.rs rounds them; average pooling leaves the padding out, as Keras and TensorFlow do.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Conv(nn.Module):
    """Convolution without bias, batch normalisation with epsilon 0.001, ReLU."""

    def __init__(self, inputs, filters, kernel, stride=1, same=False):
        super().__init__()
        padding = tuple(side // 2 for side in kernel) if same else 0
        self.conv = nn.Conv2d(inputs, filters, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(filters, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


def pool(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class Block(nn.Module):
    """One inception block: named branches of chained convolutions."""

    def __init__(self, inputs, width):
        super().__init__()
        self.inputs, self.width = inputs, width

    def count(self, filters):
        # Halves are rounded up, as Rust rounds them; Python rounds them to even.
        return max(int(filters * self.width + 0.5), 1)

    def chain(self, inputs, *convs, stride_last=False):
        """Adds convolutions (name, filters, kernel); returns how many channels come out."""
        for position, (name, filters, kernel) in enumerate(convs):
            last = stride_last and position == len(convs) - 1
            conv = Conv(inputs, self.count(filters), kernel, 2 if last else 1, same=not last)
            self.add_module(name, conv)
            inputs = conv.conv.out_channels
        return inputs

    def run(self, x, *names):
        for name in names:
            x = getattr(self, name)(x)
        return x


class InceptionA(Block):
    def __init__(self, inputs, width, pool_filters):
        super().__init__(inputs, width)
        a = self.chain(inputs, ("branch1x1", 64, (1, 1)))
        b = self.chain(inputs, ("branch5x5_1", 48, (1, 1)), ("branch5x5_2", 64, (5, 5)))
        c = self.chain(inputs, ("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)),
                       ("branch3x3dbl_3", 96, (3, 3)))
        d = self.chain(inputs, ("branch_pool", pool_filters, (1, 1)))
        self.outputs = a + b + c + d

    def forward(self, x):
        return torch.cat([
            self.run(x, "branch1x1"),
            self.run(x, "branch5x5_1", "branch5x5_2"),
            self.run(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
            self.run(pool(x), "branch_pool"),
        ], 1)


class InceptionB(Block):
    def __init__(self, inputs, width):
        super().__init__(inputs, width)
        a = self.chain(inputs, ("branch3x3", 384, (3, 3)), stride_last=True)
        b = self.chain(inputs, ("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)),
                       ("branch3x3dbl_3", 96, (3, 3)), stride_last=True)
        self.outputs = a + b + inputs

    def forward(self, x):
        return torch.cat([
            self.run(x, "branch3x3"),
            self.run(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
            F.max_pool2d(x, 3, 2),
        ], 1)


class InceptionC(Block):
    def __init__(self, inputs, width, c):
        super().__init__(inputs, width)
        a = self.chain(inputs, ("branch1x1", 192, (1, 1)))
        b = self.chain(inputs, ("branch7x7_1", c, (1, 1)), ("branch7x7_2", c, (1, 7)),
                       ("branch7x7_3", 192, (7, 1)))
        d = self.chain(inputs, ("branch7x7dbl_1", c, (1, 1)), ("branch7x7dbl_2", c, (7, 1)),
                       ("branch7x7dbl_3", c, (1, 7)), ("branch7x7dbl_4", c, (7, 1)),
                       ("branch7x7dbl_5", 192, (1, 7)))
        e = self.chain(inputs, ("branch_pool", 192, (1, 1)))
        self.outputs = a + b + d + e

    def forward(self, x):
        return torch.cat([
            self.run(x, "branch1x1"),
            self.run(x, "branch7x7_1", "branch7x7_2", "branch7x7_3"),
            self.run(x, *(f"branch7x7dbl_{i}" for i in range(1, 6))),
            self.run(pool(x), "branch_pool"),
        ], 1)


class InceptionD(Block):
    def __init__(self, inputs, width):
        super().__init__(inputs, width)
        a = self.chain(inputs, ("branch3x3_1", 192, (1, 1)), ("branch3x3_2", 320, (3, 3)), stride_last=True)
        b = self.chain(inputs, ("branch7x7x3_1", 192, (1, 1)), ("branch7x7x3_2", 192, (1, 7)),
                       ("branch7x7x3_3", 192, (7, 1)), ("branch7x7x3_4", 192, (3, 3)), stride_last=True)
        self.outputs = a + b + inputs

    def forward(self, x):
        return torch.cat([
            self.run(x, "branch3x3_1", "branch3x3_2"),
            self.run(x, *(f"branch7x7x3_{i}" for i in range(1, 5))),
            F.max_pool2d(x, 3, 2),
        ], 1)


class InceptionE(Block):
    def __init__(self, inputs, width):
        super().__init__(inputs, width)
        a = self.chain(inputs, ("branch1x1", 320, (1, 1)))
        b = self.chain(inputs, ("branch3x3_1", 384, (1, 1)))
        c = self.chain(b, ("branch3x3_2a", 384, (1, 3))) + self.chain(b, ("branch3x3_2b", 384, (3, 1)))
        d = self.chain(inputs, ("branch3x3dbl_1", 448, (1, 1)), ("branch3x3dbl_2", 384, (3, 3)))
        e = self.chain(d, ("branch3x3dbl_3a", 384, (1, 3))) + self.chain(d, ("branch3x3dbl_3b", 384, (3, 1)))
        f = self.chain(inputs, ("branch_pool", 192, (1, 1)))
        self.outputs = a + c + e + f

    def forward(self, x):
        b = self.branch3x3_1(x)
        d = self.run(x, "branch3x3dbl_1", "branch3x3dbl_2")
        return torch.cat([
            self.branch1x1(x),
            self.branch3x3_2a(b), self.branch3x3_2b(b),
            self.branch3x3dbl_3a(d), self.branch3x3dbl_3b(d),
            self.run(pool(x), "branch_pool"),
        ], 1)


class InceptionV3(nn.Module):
    """N×3×H×W from −1 to 1 in RGB order → N×classes logits. H and W are 75 or more; 299 when it is used."""

    def __init__(self, classes, width=0.25, dropout=0.1):
        super().__init__()
        count = lambda filters: max(int(filters * width + 0.5), 1)
        self.Conv2d_1a_3x3 = Conv(3, count(32), (3, 3), 2)
        self.Conv2d_2a_3x3 = Conv(count(32), count(32), (3, 3))
        self.Conv2d_2b_3x3 = Conv(count(32), count(64), (3, 3), same=True)
        self.Conv2d_3b_1x1 = Conv(count(64), count(80), (1, 1))
        self.Conv2d_4a_3x3 = Conv(count(80), count(192), (3, 3))
        self.blocks = []
        outputs = count(192)
        for name, make in [
            ("Mixed_5b", lambda n: InceptionA(n, width, 32)),
            ("Mixed_5c", lambda n: InceptionA(n, width, 64)),
            ("Mixed_5d", lambda n: InceptionA(n, width, 64)),
            ("Mixed_6a", lambda n: InceptionB(n, width)),
            ("Mixed_6b", lambda n: InceptionC(n, width, 128)),
            ("Mixed_6c", lambda n: InceptionC(n, width, 160)),
            ("Mixed_6d", lambda n: InceptionC(n, width, 160)),
            ("Mixed_6e", lambda n: InceptionC(n, width, 192)),
            ("Mixed_7a", lambda n: InceptionD(n, width)),
            ("Mixed_7b", lambda n: InceptionE(n, width)),
            ("Mixed_7c", lambda n: InceptionE(n, width)),
        ]:
            block = make(outputs)
            self.add_module(name, block)
            self.blocks.append(name)
            outputs = block.outputs
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(outputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        nn.init.normal_(self.fc.weight, std=0.02)
        nn.init.zeros_(self.fc.bias)

    def stem(self, x):
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, 2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        return F.max_pool2d(x, 3, 2)

    def forward(self, x):
        x = self.stem(x)
        for name in self.blocks:
            x = getattr(self, name)(x)
        return self.fc(self.dropout(x.mean((2, 3))))
