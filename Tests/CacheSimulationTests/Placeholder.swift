// until simulations arrive
